/*
 * TRANSPOSE_CONV of int16 activations and int8 weights.
 *
 *   acc[oy,ox,co] = bias[co] + sum of x[iy,ix,ci] * w[co,ky,kx,ci] over the taps that transpose_conv.h names
 *   y = clamp(requant_i64(acc, mult[co], shift[co]), clamp_lo, clamp_hi)                       (wide.h)
 *
 * x [H,W,CI] int16, y [OH,OW,CO] int16, w [CO,KH,KW,CI] int8, dense. bias [CO] int64. All zero points are 0. mult [CO] in 0..32767,
 * shift [CO] in 8..46. The fields of window.h are read as transpose_conv.h says; dilation must be 1.
 * Range: |acc| < 2^47; the lowering refuses what could be more. Scratch: none.
 * Order: output rows ascend, pixels of a row from left to right; all reads for row y precede the first write of row y+1.
 * Alignment: int16's. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where a stride is not positive or dilation is not 1.
 * Numerics: LiteRT reference_integer_ops::TransposeConv of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TRANSPOSE_CONV_I16_H
#define TM_TRANSPOSE_CONV_I16_H

#include "tm/wide.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_transpose_conv_i16_params {
  TM_WINDOW_FIELDS
  int32_t clamp_lo, clamp_hi;
  const int16_t *mult;
  const int8_t *shift;
} tm_transpose_conv_i16_params;

tm_status tm_transpose_conv_i16(const tm_transpose_conv_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias,
                                int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_TRANSPOSE_CONV_I16_H */
