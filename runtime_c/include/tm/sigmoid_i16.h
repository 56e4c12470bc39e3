/*
 * The S-shaped functions of int16 values: a table of the sigmoid and a line between two entries.
 *
 * table [256]: sigmoid(k / 24) in 1/65536. Source: LiteRT reference_integer_ops::Logistic and Tanh of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SIGMOID_I16_H
#define TM_SIGMOID_I16_H

#include "tm/elementwise.h"

enum { TM_SIGMOID_LAST = 255 }; /* entry: from there on the function is at its end */

/* Where x lies: (x * mult + half) >> shift, -2^31 < it < 2^31. mult in 1..65535, shift in 0..31. */
static inline int32_t tm_sigmoid_at(int32_t x, int32_t mult, int32_t shift) {
  return (int32_t)(((int64_t)x * mult + (((int64_t)1 << shift) >> 1)) >> shift);
}

/* Between the two entries around `at` >= 0, whose low `bits` bits say how far; below 2^(16 + bits). at >> bits < TM_SIGMOID_LAST. */
static inline int32_t tm_sigmoid_between(uint32_t at, int32_t bits, const uint16_t *table) {
  const uint16_t *entry = table + (at >> bits);
  const int32_t rest = (int32_t)(at & (((uint32_t)1 << bits) - 1u));
  const int32_t slope = (int32_t)entry[1] - (int32_t)entry[0];
  return (int32_t)((uint32_t)entry[0] << bits) + rest * slope;
}

static inline uint32_t tm_abs_u32(int32_t v) { return v < 0 ? 0u - (uint32_t)v : (uint32_t)v; }

#endif /* TM_SIGMOID_I16_H */
