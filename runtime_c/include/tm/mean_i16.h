/*
 * MEAN of int16 values over any of the dimensions of x [H,W,C].
 *
 *   y = clamp(requant(sum of x over the dimensions whose reduce_ flag is set, mult, shift), -32768, 32767)
 *
 * mult and shift hold input_scale / output_scale / n, n the number of values in a sum. Zero points are 0.
 * Output element for (h,w,c) is y[h*out_h_stride + w*out_w_stride + c*out_c_stride]; averaged dimensions count as 0.
 * Range: n < 2^16. Alignment: int16's. Scratch: none. Order, aliasing, errors: mean.h.
 * Numerics: LiteRT reduce.cc EvalIntegerMean of int16 (two roundings).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MEAN_I16_H
#define TM_MEAN_I16_H

#include "tm/mean.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_mean_i16_params {
  TM_MEAN_FIELDS
  int32_t mult, shift;
} tm_mean_i16_params;

tm_status tm_mean_i16(const tm_mean_i16_params *p, const int16_t *x, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MEAN_I16_H */
