/*
 * TRANSPOSE_CONV.
 *
 *   acc[oy,ox,co] = bias[co] + sum of (x[iy,ix,ci] - in_zero_point) * w[co,ky,kx,ci] over ci and all taps ky,kx for which
 *                   iy = (oy + pad_top - ky) / stride_h and ix = (ox + pad_left - kx) / stride_w are whole and inside x
 *   i8 : y = clamp(requant(acc, mult[co], shift[co]) + out_zero_point, clamp_lo, clamp_hi)
 *   f32: y = clamp(acc, clamp_lo, clamp_hi), no zero point
 *
 * x [H,W,CI], y [OH,OW,CO], w [CO,KH,KW,CI] dense. bias [CO], nothing folded in: taps per output pixel differ.
 * mult [CO], shift [CO]: see tm_requant. The fields of window.h are read in this sense; dilation must be 1. `out` may be
 * any rectangle of the layer: pad_top + (its first row) and pad_left + (its first column) replace the layer's own; where
 * `in` starts at input row r, pad_top is less by r * stride_h (columns likewise).
 *
 * Range: the int32 sum of products does not overflow while KH*KW*CI * 255 * 128 < 2^31, that is KH*KW*CI < 65,536; bias
 * is added to it modulo 2^32.
 * Order: output rows ascend, pixels of a row from left to right; all reads for row y precede the first write of row y+1.
 * Alignment: none. Aliasing: y may not overlap x except as the planner proves from the order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where a stride is not positive or dilation is not 1.
 * Numerics: LiteRT reference_integer_ops::TransposeConv, reference_ops::TransposeConv.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TRANSPOSE_CONV_H
#define TM_TRANSPOSE_CONV_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_transpose_conv_i8_params {
  TM_WINDOW_FIELDS
  int32_t in_zero_point, out_zero_point;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_transpose_conv_i8_params;

typedef struct tm_transpose_conv_f32_params {
  TM_WINDOW_FIELDS
  float clamp_lo, clamp_hi;
} tm_transpose_conv_f32_params;

tm_status tm_transpose_conv_i8(const tm_transpose_conv_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                               int8_t *y, void *scratch);

tm_status tm_transpose_conv_f32(const tm_transpose_conv_f32_params *p, const float *x, const float *w, const float *bias,
                                float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_TRANSPOSE_CONV_H */
