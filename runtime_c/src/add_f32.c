/* ADD, float32, portable. Contract: tm/add.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/add.h"

/* One run of consecutive outputs. Parameters are copied first: a store to y might alias *p for all the compiler knows. */
static void run(const tm_add_f32_params *p, const float *a, const float *b, float *y, tm_pair_runs r) {
  const float lo = p->clamp_lo;
  const float hi = p->clamp_hi;
  for (int32_t i = 0; i < r.len; ++i) {
    y[i] = tm_clamp_f32(a[i * r.step_a] + b[i * r.step_b], lo, hi);
  }
}

tm_status tm_add_f32(const tm_add_f32_params *p, const float *a, const float *b, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_broadcasts_to(&p->a, &p->out) || !tm_broadcasts_to(&p->b, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_pair_runs runs = tm_pair_runs_of(&p->a, &p->b, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const float *a_row = a + tm_row_offset(&p->a, row);
    const float *b_row = b + tm_row_offset(&p->b, row);
    float *y_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      run(p, a_row + (ptrdiff_t)k * p->a.px_stride, b_row + (ptrdiff_t)k * p->b.px_stride,
          y_row + (ptrdiff_t)k * p->out.px_stride, runs);
    }
  }
  return TM_OK;
}
