/*
 * AVERAGE_POOL_2D.
 *
 *   n   = number of window pixels inside the input
 *   acc = sum of x[iy,ix,c] over those pixels     (window.h gives iy, ix; dilation must be 1)
 *   i8 : y = clamp(acc / n rounded to nearest, halves away from zero; clamp_lo, clamp_hi)
 *   f32: y = clamp(acc / n, clamp_lo, clamp_hi)
 *
 * x [H,W,C], y [OH,OW,C]; raw values, no rescaling. Padding pixels take no part. Every window must meet the input.
 * Range: the int32 sum does not overflow while KH*KW < 2^24.
 * Alignment: none. Aliasing: y may not overlap x except as the planner proves from window.h's order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the channels differ, dilation is not 1 or a window lies
 * wholly in the padding (rows above it are written by then).
 * Numerics: LiteRT reference_integer_ops::AveragePool, reference_ops::AveragePool.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_AVERAGE_POOL_2D_H
#define TM_AVERAGE_POOL_2D_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_average_pool_2d_i8_params {
  TM_WINDOW_FIELDS
  int32_t clamp_lo, clamp_hi;
} tm_average_pool_2d_i8_params;

typedef struct tm_average_pool_2d_f32_params {
  TM_WINDOW_FIELDS
  float clamp_lo, clamp_hi;
} tm_average_pool_2d_f32_params;

tm_status tm_average_pool_2d_i8(const tm_average_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

/* Armv7E-M. At least 4 channels and at most 255 pixels a window (else TM_ERR_SHAPE); up to three channels are written twice. */
tm_status tm_average_pool_2d_i8_dsp(const tm_average_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

tm_status tm_average_pool_2d_f32(const tm_average_pool_2d_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_AVERAGE_POOL_2D_H */
