/*
 * DEPTHWISE_CONV_2D.
 *
 *   acc[oy,ox,c] = bias[c] + sum over ky,kx of x[iy,ix, c / multiplier] * w[ky,kx,c]     (window.h gives iy, ix)
 *   i8 : y = clamp(requant(acc, mult[c], shift[c]) + out_zero_point, clamp_lo, clamp_hi)
 *   f32: y = clamp(acc, clamp_lo, clamp_hi)
 *
 * x [H,W,CI], y [OH,OW,CI * multiplier], w [KH,KW,CO] dense (as the file has it). bias [CO]; for i8 the term
 * -in_zero_point * sum over ky,kx of w[..,c] is already folded in, and padding pixels have the value pad_value (the input
 * zero point). mult [CO], shift [CO]: see tm_requant.
 *
 * Range: the int32 sum of products does not overflow while KH*KW * 2^14 < 2^31; bias is added to it modulo 2^32.
 * Alignment: none. Aliasing: y may not overlap x except as the planner proves from window.h's order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where out.c is not in.c * multiplier.
 * Numerics: LiteRT reference_integer_ops::DepthwiseConvPerChannel, reference_ops::DepthwiseConv (float sums in ky,kx
 * order, bias last).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_H
#define TM_DEPTHWISE_CONV_2D_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_params {
  TM_WINDOW_FIELDS
  int32_t multiplier;
  int32_t pad_value, out_zero_point;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_depthwise_conv_2d_i8_params;

typedef struct tm_depthwise_conv_2d_f32_params {
  TM_WINDOW_FIELDS
  int32_t multiplier;
  float clamp_lo, clamp_hi;
} tm_depthwise_conv_2d_f32_params;

tm_status tm_depthwise_conv_2d_i8(const tm_depthwise_conv_2d_i8_params *p, const int8_t *x, const int8_t *w,
                                  const int32_t *bias, int8_t *y, void *scratch);

tm_status tm_depthwise_conv_2d_f32(const tm_depthwise_conv_2d_f32_params *p, const float *x, const float *w,
                                   const float *bias, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_H */
