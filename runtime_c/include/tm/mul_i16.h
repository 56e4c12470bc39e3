/*
 * MUL of int16 values.
 *
 *   y = clamp(requant(a * b, out_mult, out_shift), clamp_lo, clamp_hi)
 *
 * a and b broadcast to y's [H,W,C] as in add_i16.h. Zero points are 0. out_mult is in [2^30, 2^31) or 0, out_shift -31..30.
 * Range: |a * b| <= 2^30. Order, aliasing (with an operand of y's own extent), alignment, errors: elementwise.h.
 * Numerics: LiteRT reference_integer_ops::Mul of int16, two roundings.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MUL_I16_H
#define TM_MUL_I16_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_mul_i16_params {
  tm_geom a, b, out;
  int32_t out_mult, out_shift;
  int32_t clamp_lo, clamp_hi;
} tm_mul_i16_params;

tm_status tm_mul_i16(const tm_mul_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MUL_I16_H */
