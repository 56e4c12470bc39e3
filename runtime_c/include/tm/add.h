/*
 * ADD, and SUB in int8.
 *
 *   i8 : s = requant((a + a_offset) << 20, a_mult, a_shift) + (b + b_offset) * b_factor
 *        y = clamp(requant(s, out_mult, out_shift) + out_zero_point, clamp_lo, clamp_hi)
 *   f32: y = clamp(a + b, clamp_lo, clamp_hi)
 *
 * i8: a is the operand of the smaller scale, b that of the larger one, whose multiplier in LiteRT is exactly 1/2: hence
 * b_factor is 2^19, or -2^19 where b is subtracted; a_mult is negative where a is subtracted.
 *
 * a and b broadcast to y's [H,W,C]: p->a and p->b have y's h and w, with stride 0 where a row or pixel is repeated, and
 * y's c or 1 (all channels share it).
 * Offsets are the negated zero points, -127..128; |a_mult| and out_mult are in [2^30, 2^31) or 0, shifts -31..0.
 * Range: |(a + a_offset) << 20| < 2^28 and the real multipliers are <= 1/2, so no sum exceeds 2^28.
 * Order, aliasing (with an operand of y's own extent), alignment, errors: elementwise.h.
 * Numerics: LiteRT reference_integer_ops::Add, reference_ops::Sub; float32: one addition.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_ADD_H
#define TM_ADD_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_add_i8_params {
  tm_geom a, b, out;
  int32_t a_offset, a_mult, a_shift;
  int32_t b_offset, b_factor;
  int32_t out_mult, out_shift, out_zero_point;
  int32_t clamp_lo, clamp_hi;
} tm_add_i8_params;

typedef struct tm_add_f32_params {
  tm_geom a, b, out;
  float clamp_lo, clamp_hi;
} tm_add_f32_params;

tm_status tm_add_i8(const tm_add_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch);
tm_status tm_add_f32(const tm_add_f32_params *p, const float *a, const float *b, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_ADD_H */
