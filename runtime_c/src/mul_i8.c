/* MUL, int8, portable. Contract: tm/mul.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/mul.h"

/* One run of consecutive outputs. Parameters are copied first: a store to y might alias *p for all the compiler knows. */
static void run(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, tm_pair_runs r) {
  const tm_mul_i8_params q = *p;
  for (int32_t i = 0; i < r.len; ++i) {
    const int32_t product = (a[i * r.step_a] + q.a_offset) * (b[i * r.step_b] + q.b_offset);
    const int32_t v = tm_requant(product, q.out_mult, q.out_shift) + q.out_zero_point;
    y[i] = (int8_t)tm_clamp_i32(v, q.clamp_lo, q.clamp_hi);
  }
}

tm_status tm_mul_i8(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_broadcasts_to(&p->a, &p->out) || !tm_broadcasts_to(&p->b, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_pair_runs runs = tm_pair_runs_of(&p->a, &p->b, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *a_row = a + tm_row_offset(&p->a, row);
    const int8_t *b_row = b + tm_row_offset(&p->b, row);
    int8_t *y_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      run(p, a_row + (ptrdiff_t)k * p->a.px_stride, b_row + (ptrdiff_t)k * p->b.px_stride,
          y_row + (ptrdiff_t)k * p->out.px_stride, runs);
    }
  }
  return TM_OK;
}
