/*
 * HARD_SWISH, float32 (int8: lut.h).
 *
 *   y[h,w,c] = x * min(max(x + 3, 0), 6) / 6        x, y [H,W,C]
 *
 * Order, aliasing, alignment, errors: elementwise.h. Numerics: LiteRT reference_ops::HardSwish, same order of operations.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_HARD_SWISH_H
#define TM_HARD_SWISH_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_hard_swish_f32_params {
  tm_geom in, out;
} tm_hard_swish_f32_params;

tm_status tm_hard_swish_f32(const tm_hard_swish_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_HARD_SWISH_H */
