/*
 * TANH of int16 values: y = tanh(x) = 2 sigmoid(2x) - 1, in 1/32768.
 *
 *   at = (x * mult + half) >> shift      multiples of 1/6144 of 2x; the low 8 bits of it lie between two entries of the table
 *   the sigmoid of |at| by a line between table[k] and table[k + 1], mirrored where at < 0, rounded to 16 bits
 *
 * x, y [H,W,C], zero points 0. table [256]: sigmoid(k / 24) in 1/65536. mult in 1..65535, shift in 0..31; |at| < 2^31.
 * Order, aliasing, alignment, errors: elementwise.h; TM_ERR_SHAPE also where mult or shift are out of range.
 * Numerics: LiteRT reference_integer_ops::Tanh of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TANH_I16_H
#define TM_TANH_I16_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_tanh_i16_params {
  tm_geom in, out;
  int32_t mult, shift;
} tm_tanh_i16_params;

tm_status tm_tanh_i16(const tm_tanh_i16_params *p, const int16_t *x, const uint16_t *table, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_TANH_I16_H */
