/*
 * SUB, float32 (int8: add.h).
 *
 *   y = clamp(a - b, clamp_lo, clamp_hi)
 *
 * a and b broadcast to y's [H,W,C]: p->a and p->b have y's h and w, with stride 0 where a row or pixel is repeated, and
 * y's c or 1 (all channels share it).
 * Order, aliasing (with an operand of y's own extent), alignment, errors: elementwise.h. Numerics: one float32 subtraction.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SUB_H
#define TM_SUB_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_sub_f32_params {
  tm_geom a, b, out;
  float clamp_lo, clamp_hi;
} tm_sub_f32_params;

tm_status tm_sub_f32(const tm_sub_f32_params *p, const float *a, const float *b, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_SUB_H */
