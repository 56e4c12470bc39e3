/*
 * ADD and MUL of two int8 tensors on Armv7E-M, one element after the other in about ten instructions. Same results as tm/add.h
 * and tm/mul.h.
 *
 *   add: u = (a_add + round(s * a_mult / 2^32) - (s < 0)) >> a_shift, s = a_offset + 2^21 * a
 *        t = b_offset + 2 * u + 2^20 * b       the kernel with a table makes b_offset + 2 * u of every a first
 *   mul: t = (a + a_offset) * 2 * (b + b_offset)
 *   y = sat8((add + round(t * mult / 2^32) - (t < 0)) >> shift)      round: halves up
 * The lowering chooses the constants such that y equals LiteRT's two roundings for every a and b.
 *
 * a, b, out: the same h, w and c; a stride of 0 repeats a row or a pixel. Element-wise: see tm/elementwise.h for order and
 * aliasing. Scratch: none; of the kernel with a table, 1024 bytes, aligned to 4. Errors: TM_ERR_ARGUMENT on a null pointer,
 * TM_ERR_SHAPE where the extents differ.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIRWISE_DSP_H
#define TM_PAIRWISE_DSP_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_add_i8_scaled_params {
  tm_geom a, b, out;
  int32_t mult, add, shift;
  int32_t a_offset, a_mult, a_add, a_shift; /* a_offset times 2^21 */
  int32_t b_offset;                         /* times 2^20 */
} tm_add_i8_scaled_params;

typedef struct tm_mul_i8_pairwise_params {
  tm_geom a, b, out;
  int32_t a_offset, b_offset;
  int32_t mult, add, shift;
} tm_mul_i8_pairwise_params;

tm_status tm_add_i8_table_dsp(const tm_add_i8_scaled_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch);

tm_status tm_add_i8_scaled_dsp(const tm_add_i8_scaled_params *p, const int8_t *a, const int8_t *b, int8_t *y);

tm_status tm_mul_i8_pairwise_dsp(const tm_mul_i8_pairwise_params *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_PAIRWISE_DSP_H */
