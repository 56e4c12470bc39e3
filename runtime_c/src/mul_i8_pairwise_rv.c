/*
 * MUL, element by element or by one value per channel, int8, RV32IM. Contract: tm/pairwise_rv.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pairwise.h"
#include "tm/pairwise_rv.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul)

#pragma GCC optimize("O2", "no-schedule-insns")

/* One run of n consecutive outputs. */
static void run(const tm_mul_i8_pairwise_params *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t n) {
  const int32_t mult = p->mult;
  const int32_t add = p->add;
  const int32_t shift = p->shift;
  const int32_t a_offset = p->a_offset;
  const int32_t b_offset = p->b_offset;
#define ELEMENT(k) y[k] = tm_pairwise_output((a[k] + a_offset) * (b[k] + b_offset) * 4, mult, add, shift)
  for (; n >= 4; n -= 4) {
    ELEMENT(0);
    ELEMENT(1);
    ELEMENT(2);
    ELEMENT(3);
    a += 4;
    b += 4;
    y += 4;
  }
  for (; n > 0; --n) {
    ELEMENT(0);
    ++a;
    ++b;
    ++y;
  }
#undef ELEMENT
}

tm_status tm_mul_i8_pairwise_rv(const tm_mul_i8_pairwise_params *p, const int8_t *a, const int8_t *b, int8_t *y) {
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PAIRWISE_ROWS(p, a, b, y, run);
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_mul_i8_pairwise_rv_not_built;
#endif
