/*
 * AVERAGE_POOL_2D over the whole input, int8, one row at a time, portable. Contract: tm/sum_rows.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/sum_rows.h"

tm_status tm_average_pool_2d_i8_rows(const tm_average_pool_2d_i8_rows_params *p, const int8_t *x, int8_t *y, int32_t *acc,
                                     int32_t row) {
  if (p == NULL || x == NULL || y == NULL || acc == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int is_short = tm_sum_row_i8(&p->in, x, acc, row, p->rows);
  if (row + 1 == p->rows) {
    const int32_t count = p->rows * p->in.w;
    const int32_t half = count / 2;
    for (int32_t c = 0; c < p->in.c; ++c) {
      /* C's division truncates, so half the count is added away from zero */
      const int32_t sum = tm_sum_of(acc, is_short, c);
      const int32_t mean = (sum + (sum > 0 ? half : -half)) / count;
      y[c] = (int8_t)tm_clamp_i32(mean, p->clamp_lo, p->clamp_hi);
    }
  }
  return TM_OK;
}
