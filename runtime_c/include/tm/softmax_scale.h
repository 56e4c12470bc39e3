/*
 * What the int8 SOFTMAX kernels share: from the sum of the exponentials to an output. Source: LiteRT reference_ops::Softmax.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SOFTMAX_SCALE_H
#define TM_SOFTMAX_SCALE_H

#include "tm/base.h"

/* 1 / sum as scale * 2^-shift. */
typedef struct tm_softmax_scale {
  int32_t scale, shift;
} tm_softmax_scale;

static inline int32_t tm_softmax_max(const int8_t *x, int32_t depth) {
  int32_t max = x[0];
  for (int32_t c = 1; c < depth; ++c) {
    max = tm_max_i32(max, x[c]);
  }
  return max;
}

/*
 * sum: of the exponentials, each rounded to 19 fractional bits; 2^19 - 1 at least, as the largest value contributes that. Newton-Raphson
 * from the linear estimate 48/17 - 32/17 * half of 1 / half for half in [1/2, 1), 31 fractional bits; the result, in (1, 2], has 29.
 */
static inline tm_softmax_scale tm_softmax_reciprocal(int32_t sum) {
  int32_t shift = 34;
  while (sum < (int32_t)1 << 30) {
    sum *= 2;
    --shift;
  }
  int32_t r = 1515870810 + tm_srdhm(sum, -1010580540);
  for (int k = 0; k < 3; ++k) {
    r += tm_srdhm(r, ((int32_t)1 << 29) - tm_srdhm(sum, r)) * 4;
  }
  /* from 29 to 31 fractional bits of 1 / (2 half): doubled, saturating */
  const tm_softmax_scale out = {r >= (int32_t)1 << 30 ? INT32_MAX : r * 2, shift};
  return out;
}

/* The output of a value with this exponential. */
static inline int8_t tm_softmax_output(int32_t exponential, tm_softmax_scale s) {
  const int32_t v = tm_srdhm(exponential, s.scale);
  return (int8_t)(tm_min_i32(s.shift > 31 ? 0 : tm_rdivpot(v, s.shift), 255) - 128);
}

#endif /* TM_SOFTMAX_SCALE_H */
