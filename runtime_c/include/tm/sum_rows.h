/*
 * MEAN and AVERAGE_POOL_2D over whole rows, taken in one row at a time: what a fused stage calls (tm/stage.h), so that the
 * averaged tensor never exists as a whole. Results equal tm_mean_i8 and tm_average_pool_2d_i8 over all rows.
 *
 * x: one row [1,W,C]. acc: C sums, 4-byte aligned, kept by the caller from row 0 to row rows-1: of 2 bytes where all sums fit those
 * (rows * W <= TM_SHORT_SUM), else of 4. y: C elements, contiguous, written with the last row only. row counts from 0.
 *
 * Range: rows * W < 2^23. y may not overlap x or acc. Errors: TM_ERR_ARGUMENT on a null pointer.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SUM_ROWS_H
#define TM_SUM_ROWS_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include <string.h>
#endif

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

#define TM_SHORT_SUM 255 /* values of int8 whose sum fits int16 */

/* acc[c] = (row == 0 ? 0 : acc[c]) + the row's sum over its pixels, for channels first .. C-1. */
static inline void tm_sum_row_i8_i16(const tm_geom *in, const int8_t *x, int16_t *acc, int32_t row, int32_t first) {
  for (int32_t c = first; c < in->c; ++c) {
    const int8_t *px = x + c;
    int32_t sum = row == 0 ? 0 : acc[c];
    for (int32_t w = 0; w < in->w; ++w) {
      sum += *px;
      px += in->px_stride;
    }
    acc[c] = (int16_t)sum;
  }
}

static inline void tm_sum_row_i8_i32(const tm_geom *in, const int8_t *x, int32_t *acc, int32_t row) {
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

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
/* Four channels of a pixel are one word; SXTAB16 adds two of them. Returns how many channels it took. */
static inline int32_t tm_sum_row_fours(const tm_geom *in, const int8_t *x, int16_t *acc, int32_t row) {
  int32_t c = 0;
  for (; c + 4 <= in->c; c += 4) {
    uint32_t a = 0, b = 0, even, v;
    if (row != 0) {
      memcpy(&a, acc + c, sizeof a);
      memcpy(&b, acc + c + 2, sizeof b);
    }
    __asm__("pkhbt %0, %2, %3, lsl #16\n pkhtb %1, %3, %2, asr #16" : "=&r"(even), "=r"(b) : "r"(a), "r"(b));
    const int8_t *px = x + c;
    for (int32_t w = in->w; w > 0; --w) {
      __asm__ volatile(
          "ldr %[v], [%[x]]\n"
          "sxtab16 %[e], %[e], %[v]\n"
          "sxtab16 %[o], %[o], %[v], ror #8\n"
          : [v] "=&r"(v), [e] "+r"(even), [o] "+r"(b)
          : [x] "r"(px)
          : "memory");
      px += in->px_stride;
    }
    __asm__("pkhbt %0, %2, %3, lsl #16\n pkhtb %1, %3, %2, asr #16" : "=&r"(a), "=r"(b) : "r"(even), "r"(b));
    memcpy(acc + c, &a, sizeof a);
    memcpy(acc + c + 2, &b, sizeof b);
  }
  return c;
}
#endif

/* Adds one row; returns whether the sums are short. */
static inline int tm_sum_row_i8(const tm_geom *in, const int8_t *x, int32_t *acc, int32_t row, int32_t rows) {
  if (rows * in->w > TM_SHORT_SUM) {
    tm_sum_row_i8_i32(in, x, acc, row);
    return 0;
  }
  int16_t *sums = (int16_t *)(void *)acc;
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
  tm_sum_row_i8_i16(in, x, sums, row, tm_sum_row_fours(in, x, sums, row));
#else
  tm_sum_row_i8_i16(in, x, sums, row, 0);
#endif
  return 1;
}

static inline int32_t tm_sum_of(const int32_t *acc, int is_short, int32_t c) {
  return is_short ? ((const int16_t *)(const void *)acc)[c] : acc[c];
}

#ifdef __cplusplus
}
#endif

#endif /* TM_SUM_ROWS_H */
