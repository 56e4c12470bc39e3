/*
 * AVERAGE_POOL_2D of int16 values.
 *
 *   y = clamp(sum of x[iy,ix,c] over the window pixels inside the input / their number, rounded with halves away from zero;
 *             clamp_lo, clamp_hi)
 *
 * window.h gives iy, ix; dilation must be 1. x [H,W,C], y [OH,OW,C]; raw values, no rescaling. Every window must meet the input.
 * Range: KH*KW < 2^15. Alignment: int16's. Scratch: none. Aliasing: y may not overlap x except as the planner proves from window.h's order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the channels differ, dilation is not 1 or a window lies
 * wholly in the padding (rows above it are written by then).
 * Numerics: LiteRT reference_integer_ops::AveragePool of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_AVERAGE_POOL_2D_I16_H
#define TM_AVERAGE_POOL_2D_I16_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_average_pool_2d_i16_params {
  TM_WINDOW_FIELDS
  int32_t clamp_lo, clamp_hi;
} tm_average_pool_2d_i16_params;

tm_status tm_average_pool_2d_i16(const tm_average_pool_2d_i16_params *p, const int16_t *x, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_AVERAGE_POOL_2D_I16_H */
