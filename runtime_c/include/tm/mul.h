/*
 * MUL.
 *
 *   y = clamp(a * b)
 *   i8 : y = clamp(requant((a + a_offset) * (b + b_offset), out_mult, out_shift) + out_zero_point, clamp_lo, clamp_hi)
 *
 * a and b broadcast to y's [H,W,C]: p->a and p->b have y's h and w, with stride 0 where a row or pixel is repeated, and
 * y's c or 1 (all channels share it).
 * Offsets are the negated zero points, -127..128. Range: the product is below 2^16; out_mult, out_shift: see tm_requant, whose
 * positive shifts wrap. Order, aliasing (with an operand of y's own extent), alignment, errors: elementwise.h.
 * Numerics: LiteRT reference_integer_ops::Mul; float32: one multiplication.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MUL_H
#define TM_MUL_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_mul_i8_params {
  tm_geom a, b, out;
  int32_t a_offset, b_offset;
  int32_t out_mult, out_shift, out_zero_point;
  int32_t clamp_lo, clamp_hi;
} tm_mul_i8_params;

typedef struct tm_mul_f32_params {
  tm_geom a, b, out;
  float clamp_lo, clamp_hi;
} tm_mul_f32_params;

tm_status tm_mul_i8(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch);
tm_status tm_mul_f32(const tm_mul_f32_params *p, const float *a, const float *b, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MUL_H */
