/*
 * ADD and SUB of int16 values.
 *
 *   s = requant(a << 15, a_mult, a_shift) + b * b_factor
 *   y = clamp(requant(s, out_mult, out_shift), clamp_lo, clamp_hi)
 *
 * a is the operand of the smaller scale, b that of the larger one, whose multiplier in LiteRT is exactly 1/2: hence b_factor is 2^14,
 * or -2^14 where b is subtracted; a_mult is negative where a is subtracted. Zero points are 0.
 *
 * a and b broadcast to y's [H,W,C]: p->a and p->b have y's h and w, with stride 0 where a row or pixel is repeated, and
 * y's c or 1 (all channels share it). |a_mult| and out_mult are in [2^30, 2^31) or 0, shifts -31..0.
 * Range: |a << 15| <= 2^30 and the real multipliers are <= 1/2, so no sum exceeds 2^30.
 * Order, aliasing (with an operand of y's own extent), alignment, errors: elementwise.h.
 * Numerics: LiteRT reference_ops::Add and Sub of int16 with scales that need not be powers of two.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_ADD_I16_H
#define TM_ADD_I16_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_add_i16_params {
  tm_geom a, b, out;
  int32_t a_mult, a_shift;
  int32_t b_factor;
  int32_t out_mult, out_shift;
  int32_t clamp_lo, clamp_hi;
} tm_add_i16_params;

tm_status tm_add_i16(const tm_add_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_ADD_I16_H */
