/*
 * SOFTMAX over the channels of each pixel.
 *
 *   y[h,w,c] = exp(beta * (x[h,w,c] - m)) / sum over k of exp(beta * (x[h,w,k] - m)),   m = max over k of x[h,w,k]
 *
 * i8 : x int8 of any scale; y has scale 1/256 and zero point -128. exp_table[d] = exp(-d * beta * in_scale) * 2^31, d = 0..255,
 *      entry 0 is 2^31 - 1. Range: the sum holds exponentials shifted right by 12 and does not overflow for C <= 4095.
 * i8, exp: the same without the table. The exponential of a difference d is 0 where d > radius, else that of
 *      -d * 2^left * mult / 2^31 with 26 fractional bits; radius * 2^left < 2^31, mult in [2^30, 2^31).
 * f32: exponentials by tm_exp_f32 (exp.h), summed in ascending order; absolute difference to LiteRT below 1e-6.
 *
 * Order: rows ascending, pixels of a row from left to right; a pixel is read completely before its first channel is written.
 * Aliasing: y may be exactly x. Alignment: that of the element type. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the geometries differ in extent, C is 0 or (i8) above 4095.
 * Numerics: LiteRT reference_ops::Softmax; where it aborts (the sum is 512 times the largest exponential or more), values below
 * half a step become -128.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SOFTMAX_H
#define TM_SOFTMAX_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_softmax_i8_params {
  tm_geom in, out;
} tm_softmax_i8_params;

typedef struct tm_softmax_i8_exp_params {
  tm_geom in, out;
  int32_t mult, left, radius;
} tm_softmax_i8_exp_params;

typedef struct tm_softmax_f32_params {
  tm_geom in, out;
  float beta;
} tm_softmax_f32_params;

tm_status tm_softmax_i8(const tm_softmax_i8_params *p, const int8_t *x, const int32_t *exp_table, int8_t *y, void *scratch);
tm_status tm_softmax_i8_exp(const tm_softmax_i8_exp_params *p, const int8_t *x, int8_t *y, void *scratch);
tm_status tm_softmax_f32(const tm_softmax_f32_params *p, const float *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_SOFTMAX_H */
