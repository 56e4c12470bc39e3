/*
 * MEAN: average over any of the dimensions of x [H,W,C].
 *
 *   sum = sum of x over the dimensions whose reduce_ flag is set, n = product of their extents
 *   i8 : y = clamp(requant(sum + offset, mult, shift) + out_zero_point, -128, 127)
 *   f32: y = sum / n
 *
 * offset = -n * in_zero_point; mult and shift hold input_scale / output_scale / n.
 * Output element for (h,w,c) is y[h*out_h_stride + w*out_w_stride + c*out_c_stride]; averaged dimensions count as 0.
 *
 * Range: n < 2^23. Alignment: none. Scratch: none.
 * Order: output elements ascend in (h, w, c), up to four channels are read together before they are written. Without
 * reduce_h all reads of input row h precede the first write for row h+1. Aliasing: where nothing is averaged y may be x
 * with the same strides; else y must not overlap x except as the planner proves from this order.
 * Errors: TM_ERR_ARGUMENT on a null pointer.
 * Numerics: LiteRT reduce.cc EvalIntegerMean (two roundings), reference_ops::Mean (float sums in h, w, c order).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MEAN_H
#define TM_MEAN_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_MEAN_FIELDS                              \
  tm_geom in;                                       \
  int32_t out_h_stride, out_w_stride, out_c_stride; \
  int32_t reduce_h, reduce_w, reduce_c;

typedef struct tm_mean_i8_params {
  TM_MEAN_FIELDS
  int32_t offset, mult, shift, out_zero_point;
} tm_mean_i8_params;

typedef struct tm_mean_f32_params {
  TM_MEAN_FIELDS
} tm_mean_f32_params;

tm_status tm_mean_i8(const tm_mean_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

tm_status tm_mean_f32(const tm_mean_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MEAN_H */
