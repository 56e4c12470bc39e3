/*
 * MEAN over rows and columns, int8, one row at a time, portable. Contract: tm/sum_rows.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/sum_rows.h"

tm_status tm_mean_i8_rows(const tm_mean_i8_rows_params *p, const int8_t *x, int8_t *y, int32_t *acc, int32_t row) {
  if (p == NULL || x == NULL || y == NULL || acc == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int is_short = tm_sum_row_i8(&p->in, x, acc, row, p->rows);
  if (row + 1 == p->rows) {
    for (int32_t c = 0; c < p->in.c; ++c) {
      const int32_t q = tm_requant(tm_sum_of(acc, is_short, c) + p->offset, p->mult, p->shift);
      y[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, INT8_MIN, INT8_MAX);
    }
  }
  return TM_OK;
}
