/*
 * LOGISTIC, float32 (int8: lut.h).
 *
 *   y[h,w,c] = 1 / (1 + exp(-x))        x, y [H,W,C]
 *
 * Order, aliasing, alignment, errors: elementwise.h. Numerics: exp.h; absolute difference to LiteRT below 1e-6.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_LOGISTIC_H
#define TM_LOGISTIC_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_logistic_f32_params {
  tm_geom in, out;
} tm_logistic_f32_params;

tm_status tm_logistic_f32(const tm_logistic_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_LOGISTIC_H */
