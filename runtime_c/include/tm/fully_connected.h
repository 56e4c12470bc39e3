/*
 * FULLY_CONNECTED.
 *
 *   acc[r,m] = bias[m] + sum over k of x[r,k] * w[m,k]
 *   i8 : y = clamp(requant_once(acc, mult[m], shift[m]) + out_zero_point, clamp_lo, clamp_hi)
 *   f32: y = clamp(acc, clamp_lo, clamp_hi)
 *
 * x [rows,in_c], y [rows,out_c], w [out_c,in_c], all dense. bias [out_c]; for i8 the term -in_zero_point * sum(w[m]) is
 * already folded in. mult [out_c], shift [out_c]: see tm_requant_once.
 *
 * Range: in_c < 2^17 keeps the int32 sum of products from overflowing; bias is added to it modulo 2^32. The lowering
 * proves that the total fits int32 and that the requantised value does.
 * Order: rows ascend; a row's outputs are written one by one, each after reading the whole input row.
 * Alignment: none. Aliasing: y must not overlap x except as the planner proves from the order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer.
 * Numerics: LiteRT reference_integer_ops::FullyConnected, which rounds once, in double; the multiplier is chosen so that
 * the integers agree for every accumulator that can occur. Float: reference_ops::FullyConnected (sum in k order, bias last).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_H
#define TM_FULLY_CONNECTED_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fully_connected_i8_params {
  int32_t rows, in_c, out_c;
  int32_t out_zero_point;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_fully_connected_i8_params;

typedef struct tm_fully_connected_f32_params {
  int32_t rows, in_c, out_c;
  float clamp_lo, clamp_hi;
} tm_fully_connected_f32_params;

tm_status tm_fully_connected_i8(const tm_fully_connected_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                                int8_t *y, void *scratch);

tm_status tm_fully_connected_f32(const tm_fully_connected_f32_params *p, const float *x, const float *w, const float *bias,
                                 float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_H */
