/* ADD and SUB, int16, portable. Contract: tm/add_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/add_i16.h"

/* tm_requant for shift <= 0 and |mult| < 2^31, where the product can not saturate; right = -shift. */
static inline int32_t scale_down(int32_t x, int32_t mult, int32_t right) {
  const int64_t round = (int64_t)1 << 30;
  return tm_rdivpot((int32_t)(((int64_t)x * mult + round) >> 31), right);
}

/* One run of consecutive outputs. Parameters are copied first: a store to y might alias *p for all the compiler knows. */
static void run(const tm_add_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, tm_pair_runs r) {
  const tm_add_i16_params q = *p;
  for (int32_t i = 0; i < r.len; ++i) {
    const int32_t wide_a = scale_down(a[i * r.step_a] * (1 << 15), q.a_mult, -q.a_shift);
    const int32_t wide_b = b[i * r.step_b] * q.b_factor;
    const int32_t v = scale_down(wide_a + wide_b, q.out_mult, -q.out_shift);
    y[i] = (int16_t)tm_clamp_i32(v, q.clamp_lo, q.clamp_hi);
  }
}

tm_status tm_add_i16(const tm_add_i16_params *p, const int16_t *a, const int16_t *b, int16_t *y, void *scratch) {
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
