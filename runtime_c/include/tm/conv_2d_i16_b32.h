/*
 * CONV_2D of int16 activations and int8 weights with a bias of int32: sums of 32 bits, rounded twice as int8's.
 *
 *   acc[oy,ox,co] = bias[co] + sum over ky,kx,ci of x[iy,ix, g*CI + ci] * w[co,ky,kx,ci]     (window.h gives iy, ix)
 *   y = clamp(requant(acc, mult[co], shift[co]), clamp_lo, clamp_hi)                           (base.h)
 *
 * x [H,W,C] int16, w [CO,KH,KW,CI] int8, dense, CI = C / groups, output channel co belongs to group g = co / (CO / groups).
 * bias [CO] int32. All zero points are 0; padding pixels are 0. mult [CO], shift [CO]: see tm_requant.
 * Range: |acc| < 2^31; the lowering refuses what could be more. Scratch: none.
 * Alignment: int16's. Aliasing: y may not overlap x except as the planner proves from window.h's order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where in.c % groups or out.c % groups is not 0.
 * Numerics: LiteRT reference_integer_ops::ConvPerChannel<int16, int32>.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_I16_B32_H
#define TM_CONV_2D_I16_B32_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i16_b32_params {
  TM_WINDOW_FIELDS
  int32_t groups;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_conv_2d_i16_b32_params;

tm_status tm_conv_2d_i16_b32(const tm_conv_2d_i16_b32_params *p, const int16_t *x, const int8_t *w, const int32_t *bias,
                             int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_I16_B32_H */
