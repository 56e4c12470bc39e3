/*
 * CONV_2D of int16 activations and int8 weights.
 *
 *   acc[oy,ox,co] = bias[co] + sum over ky,kx,ci of x[iy,ix, g*CI + ci] * w[co,ky,kx,ci]     (window.h gives iy, ix)
 *   y = clamp(requant_i64(acc, mult[co], shift[co]), clamp_lo, clamp_hi)                       (wide.h)
 *
 * x [H,W,C] int16, w [CO,KH,KW,CI] int8, dense, CI = C / groups, output channel co belongs to group g = co / (CO / groups).
 * bias [CO] int64. All zero points are 0; padding pixels are 0. mult [CO] in 0..32767, shift [CO] in 8..46.
 * Range: |acc| < 2^47; the lowering refuses what could be more. Scratch: none.
 * Alignment: int16's. Aliasing: y may not overlap x except as the planner proves from window.h's order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where in.c % groups or out.c % groups is not 0.
 * Numerics: LiteRT reference_integer_ops::ConvPerChannel<int16, int64>.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_I16_H
#define TM_CONV_2D_I16_H

#include "tm/wide.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i16_params {
  TM_WINDOW_FIELDS
  int32_t groups;
  int32_t clamp_lo, clamp_hi;
  const int16_t *mult;
  const int8_t *shift;
} tm_conv_2d_i16_params;

tm_status tm_conv_2d_i16(const tm_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias, int16_t *y,
                         void *scratch);

/* Armv7E-M. groups must be 1 (TM_ERR_SHAPE). Same results and order. */
tm_status tm_conv_2d_i16_dsp(const tm_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias, int16_t *y,
                             void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_I16_H */
