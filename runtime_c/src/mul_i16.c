/* MUL, int16, portable. Contract: tm/mul_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/mul_i16.h"

/* One run of consecutive outputs. Parameters are copied first: a store to y might alias *p for all the compiler knows. */
static void run(const tm_mul_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, tm_pair_runs r) {
  const tm_mul_i16_params q = *p;
  for (int32_t i = 0; i < r.len; ++i) {
    const int32_t product = (int32_t)a[i * r.step_a] * b[i * r.step_b];
    const int32_t v = tm_requant(product, q.out_mult, q.out_shift);
    y[i] = (int16_t)tm_clamp_i32(v, q.clamp_lo, q.clamp_hi);
  }
}

tm_status tm_mul_i16(const tm_mul_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_broadcasts_to(&p->a, &p->out) || !tm_broadcasts_to(&p->b, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_pair_runs runs = tm_pair_runs_of(&p->a, &p->b, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int16_t *a_row = a + tm_row_offset(&p->a, row);
    const int16_t *b_row = b + tm_row_offset(&p->b, row);
    int16_t *y_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      run(p, a_row + (ptrdiff_t)k * p->a.px_stride, b_row + (ptrdiff_t)k * p->b.px_stride,
          y_row + (ptrdiff_t)k * p->out.px_stride, runs);
    }
  }
  return TM_OK;
}
