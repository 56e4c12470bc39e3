/*
 * Arithmetic of the kernels with int16 activations and int8 weights, zero points 0.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_WIDE_H
#define TM_WIDE_H

#include "tm/base.h"

/* Products of an int16 and an int8 value that an int32 holds: 511 * 2^22 < 2^31. */
enum { TM_WIDE_RUN = 256 };

/*
 * floor(acc * mult / 2^shift + 1/2) as an int32 register holds it: mult has 15 bits, 0 <= mult < 2^15, 8 <= shift <= 46,
 * |acc| < 2^47. Source: LiteRT common.cc, MultiplyByQuantizedMultiplier of an int64 value, which reduces the 32-bit multiplier to
 * its upper 16 bits; the lowering does that.
 */
static inline int32_t tm_requant_i64(int64_t acc, int32_t mult, int32_t shift) {
  const int64_t half = (int64_t)1 << (shift - 1);
  return (int32_t)(uint32_t)(uint64_t)((acc * mult + half) >> shift);
}

/* Sum of x[k] * w[k], k < n. */
static inline int64_t tm_dot_i16_i8(const int16_t *x, const int8_t *w, int32_t n) {
  int64_t acc = 0;
  while (n > 0) {
    const int32_t run = n < (int32_t)TM_WIDE_RUN ? n : (int32_t)TM_WIDE_RUN;
    int32_t part = 0;
    for (int32_t k = 0; k < run; ++k) {
      part += (int32_t)x[k] * w[k];
    }
    acc += part;
    x += run;
    w += run;
    n -= run;
  }
  return acc;
}

#endif /* TM_WIDE_H */
