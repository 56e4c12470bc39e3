/*
 * MEAN and AVERAGE_POOL_2D over whole rows, taken in one row at a time: what a fused stage calls (tm/stage.h), so that the
 * averaged tensor never exists as a whole. Results equal tm_mean_i8 and tm_average_pool_2d_i8 over all rows.
 *
 * x: one row [1,W,C]. acc: C sums, 4-byte aligned, kept by the caller from row 0 to row rows-1. y: C elements, contiguous,
 * written with the last row only. row counts from 0.
 *
 * Range: rows * W < 2^23. y may not overlap x or acc. Errors: TM_ERR_ARGUMENT on a null pointer.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SUM_ROWS_H
#define TM_SUM_ROWS_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* offset, mult, shift, out_zero_point: as in tm/mean.h, for the average over all rows. */
typedef struct tm_mean_i8_rows_params {
  tm_geom in;
  int32_t rows;
  int32_t offset, mult, shift, out_zero_point;
} tm_mean_i8_rows_params;

typedef struct tm_average_pool_2d_i8_rows_params {
  tm_geom in;
  int32_t rows;
  int32_t clamp_lo, clamp_hi;
} tm_average_pool_2d_i8_rows_params;

tm_status tm_mean_i8_rows(const tm_mean_i8_rows_params *p, const int8_t *x, int8_t *y, int32_t *acc, int32_t row);

tm_status tm_average_pool_2d_i8_rows(const tm_average_pool_2d_i8_rows_params *p, const int8_t *x, int8_t *y, int32_t *acc,
                                     int32_t row);

/* acc[c] = (row == 0 ? 0 : acc[c]) + the row's sum over its pixels. */
static inline void tm_sum_row_i8(const tm_geom *in, const int8_t *x, int32_t *acc, int32_t row) {
  for (int32_t c = 0; c < in->c; ++c) {
    const int8_t *px = x + c;
    int32_t sum = row == 0 ? 0 : acc[c];
    for (int32_t w = 0; w < in->w; ++w) {
      sum += *px;
      px += in->px_stride;
    }
    acc[c] = sum;
  }
}

#ifdef __cplusplus
}
#endif

#endif /* TM_SUM_ROWS_H */
