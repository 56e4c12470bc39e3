/*
 * Stand-alone RELU, RELU6, RELU_N1_TO_1 where input and output have the same quantisation.
 *
 *   y[h,w,c] = min(max(x[h,w,c], clamp_lo), clamp_hi)        x, y [H,W,C]; clamp_lo <= clamp_hi
 *
 * A float NaN stays NaN. Order, aliasing, alignment, errors: elementwise.h.
 * Numerics: LiteRT activations.cc; requantising by 1 is exact, so only the clamp remains.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CLIP_H
#define TM_CLIP_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_clip_i8_params {
  tm_geom in, out;
  int32_t clamp_lo, clamp_hi;
} tm_clip_i8_params;

typedef struct tm_clip_f32_params {
  tm_geom in, out;
  float clamp_lo, clamp_hi;
} tm_clip_f32_params;

tm_status tm_clip_i8(const tm_clip_i8_params *p, const int8_t *x, int8_t *y, void *scratch);
tm_status tm_clip_f32(const tm_clip_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CLIP_H */
