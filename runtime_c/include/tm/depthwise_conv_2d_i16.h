/*
 * DEPTHWISE_CONV_2D of int16 activations and int8 weights.
 *
 *   acc[oy,ox,c] = bias[c] + sum over ky,kx of x[iy,ix, c / multiplier] * w[ky,kx,c]     (window.h gives iy, ix)
 *   y = clamp(requant_i64(acc, mult[c], shift[c]), clamp_lo, clamp_hi)                     (wide.h)
 *
 * x [H,W,CI] int16, w [KH,KW,CO] int8, CO = CI * multiplier, bias [CO] int64. All zero points are 0; padding pixels are 0.
 * mult [CO] in 0..32767, shift [CO] in 8..46.
 * Range: KH*KW < 512, so that an int32 holds the sum of products; |acc| < 2^47. Scratch: none.
 * Alignment: int16's. Aliasing: y may not overlap x except as the planner proves from window.h's order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the channels do not belong together or the window is too large.
 * Numerics: LiteRT reference_integer_ops::DepthwiseConvPerChannel of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_I16_H
#define TM_DEPTHWISE_CONV_2D_I16_H

#include "tm/wide.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i16_params {
  TM_WINDOW_FIELDS
  int32_t multiplier;
  int32_t clamp_lo, clamp_hi;
  const int16_t *mult;
  const int8_t *shift;
} tm_depthwise_conv_2d_i16_params;

tm_status tm_depthwise_conv_2d_i16(const tm_depthwise_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias,
                                   int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_I16_H */
