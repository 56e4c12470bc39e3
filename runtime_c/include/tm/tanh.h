/*
 * TANH, float32 (int8: lut.h).
 *
 *   y[h,w,c] = tanh(x)        x, y [H,W,C]
 *
 * Order, aliasing, alignment, errors: elementwise.h.
 * Numerics: 1 - 2 / (exp(2 |x|) + 1), and the Taylor polynomial of degree 9 below 1/4, where that difference would cancel.
 * Absolute difference to LiteRT below 1e-6.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TANH_H
#define TM_TANH_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_tanh_f32_params {
  tm_geom in, out;
} tm_tanh_f32_params;

tm_status tm_tanh_f32(const tm_tanh_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_TANH_H */
