/*
 * ADD and MUL of two int8 tensors on RV32IM, one element after the other in 16 instructions. Same results as tm/add.h and
 * tm/mul.h. The params of mul are those of tm/pairwise_dsp.h, its constants differ:
 *
 *   add: t = table[a as uint8] + 2^21 * b       the table holds four times the scaled first operand and both offsets
 *   mul: t = (a + a_offset) * 4 * (b + b_offset)
 *   y = sat8((add + floor(t * mult / 2^32) - 2 * (t < 0)) >> shift)
 * The lowering chooses the constants such that y equals LiteRT's two roundings for every a and b.
 *
 * a, b, out: the same h, w and c; a stride of 0 repeats a row or a pixel. Element-wise: see tm/elementwise.h for order and
 * aliasing. Scratch: none. Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the extents differ.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIRWISE_RV_H
#define TM_PAIRWISE_RV_H

#include "tm/pairwise_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_add_i8_table_params {
  tm_geom a, b, out;
  int32_t mult, add, shift;
  const int32_t *table; /* [256] */
} tm_add_i8_table_params;

tm_status tm_add_i8_table_rv(const tm_add_i8_table_params *p, const int8_t *a, const int8_t *b, int8_t *y);

tm_status tm_mul_i8_pairwise_rv(const tm_mul_i8_pairwise_params *p, const int8_t *a, const int8_t *b, int8_t *y);

/* The output of one element from t. */
static inline int8_t tm_pairwise_output(int32_t t, int32_t mult, int32_t add, int32_t shift) {
  const int32_t high = (int32_t)(((int64_t)t * mult) >> 32);
  return (int8_t)tm_clamp_i32((add + high + 2 * (t >> 31)) >> shift, -128, 127);
}

#ifdef __cplusplus
}
#endif

#endif /* TM_PAIRWISE_RV_H */
