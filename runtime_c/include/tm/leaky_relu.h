/*
 * LEAKY_RELU, float32 (int8: lut.h).
 *
 *   y[h,w,c] = x > 0 ? x : alpha * x        x, y [H,W,C]; alpha finite
 *
 * Order, aliasing, alignment, errors: elementwise.h. Numerics: LiteRT optimized_ops::LeakyRelu.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_LEAKY_RELU_H
#define TM_LEAKY_RELU_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_leaky_relu_f32_params {
  tm_geom in, out;
  float alpha;
} tm_leaky_relu_f32_params;

tm_status tm_leaky_relu_f32(const tm_leaky_relu_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_LEAKY_RELU_H */
