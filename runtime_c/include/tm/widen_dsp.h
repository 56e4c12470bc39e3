/*
 * Armv7E-M: int8 inputs widened to the 16-bit halves that SMLAD multiplies, for kernels on packed pairs.
 *
 * Four bytes b0..b3 become the words (b0, b2) and (b1, b3), low half first. Where pixels are computed together their
 * words alternate: pixel 0's (b0, b2), pixel 1's (b0, b2), pixel 0's (b1, b3), pixel 1's (b1, b3), and likewise of three.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_WIDEN_DSP_H
#define TM_WIDEN_DSP_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* n bytes (a multiple of 4) of one pixel to every other word from dst on. Returns the end of what was written. */
static inline uint32_t *tm_widen_one(uint32_t *dst, const int8_t *x, int32_t n) {
  uint32_t v, even, odd;
  for (; n >= 16; n -= 16) {
#define TM_WIDEN_STEP(at)       \
  "ldr %[v], [%[x], #" at "]\n" \
  "sxtb16 %[e], %[v]\n"         \
  "sxtb16 %[o], %[v], ror #8\n" \
  "str %[e], [%[d]], #8\n"      \
  "str %[o], [%[d]], #8\n"
    __asm__ volatile(TM_WIDEN_STEP("0") TM_WIDEN_STEP("4") TM_WIDEN_STEP("8") TM_WIDEN_STEP("12")
                     : [v] "=&r"(v), [e] "=&r"(even), [o] "=&r"(odd), [d] "+r"(dst)
                     : [x] "r"(x)
                     : "memory");
    x += 16;
  }
  for (; n > 0; n -= 4) {
    __asm__ volatile(TM_WIDEN_STEP("0") : [v] "=&r"(v), [e] "=&r"(even), [o] "=&r"(odd), [d] "+r"(dst) : [x] "r"(x) : "memory");
    x += 4;
  }
#undef TM_WIDEN_STEP
  return dst;
}

/* n bytes (a multiple of 4) of two pixels, alternating. Returns the end of what was written. */
static inline uint32_t *tm_widen_two(uint32_t *dst, const int8_t *x0, const int8_t *x1, int32_t n) {
  uint32_t a, b, even, odd;
#define TM_WIDEN_STEP             \
  "ldr %[a], [%[x0]], #4\n"       \
  "ldr %[b], [%[x1]], #4\n"       \
  "sxtb16 %[e], %[a]\n"           \
  "sxtb16 %[o], %[b]\n"           \
  "strd %[e], %[o], [%[d]], #8\n" \
  "sxtb16 %[a], %[a], ror #8\n"   \
  "sxtb16 %[b], %[b], ror #8\n"   \
  "strd %[a], %[b], [%[d]], #8\n"
#define TM_WIDEN_TWO(TEXT)                                                                                                         \
  __asm__ volatile(TEXT : [a] "=&r"(a), [b] "=&r"(b), [e] "=&r"(even), [o] "=&r"(odd), [x0] "+r"(x0), [x1] "+r"(x1), [d] "+r"(dst) \
                   :                                                                                                               \
                   : "memory")
  for (; n >= 16; n -= 16) {
    TM_WIDEN_TWO(TM_WIDEN_STEP TM_WIDEN_STEP TM_WIDEN_STEP TM_WIDEN_STEP);
  }
  for (; n > 0; n -= 4) {
    TM_WIDEN_TWO(TM_WIDEN_STEP);
  }
#undef TM_WIDEN_TWO
#undef TM_WIDEN_STEP
  return dst;
}

#endif
#endif /* TM_WIDEN_DSP_H */
