/*
 * ADD, int8, Armv7E-M, both operands scaled as they come. Contract: tm/pairwise_dsp.h. Empty on other cores.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pairwise.h"
#include "tm/pairwise_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* One of the constants is read from the stack: there are not enough registers. */
#define ELEMENT                        \
  "ldrsb %[t], [%[a]], #1\n"           \
  "add %[t], %[ao], %[t], lsl #21\n"   \
  "ldr %[u], %[ac]\n"                  \
  "smmlar %[u], %[t], %[am], %[u]\n"   \
  "add %[u], %[u], %[t], asr #31\n"    \
  "asr %[u], %[u], %[ae]\n"            \
  "ldrsb %[t], [%[b]], #1\n"           \
  "add %[u], %[bo], %[u], lsl #1\n"    \
  "add %[t], %[u], %[t], lsl #20\n"    \
  "smmlar %[u], %[t], %[m], %[c]\n"    \
  "add %[u], %[u], %[t], asr #31\n"    \
  "asr %[u], %[u], %[e]\n"             \
  "ssat %[u], #8, %[u]\n"              \
  "strb %[u], [%[y]], #1\n"
#define ELEMENTS(TEXT)                                                                      \
  __asm__ volatile(TEXT : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y), [t] "=&r"(t), [u] "=&r"(u) \
                   : [m] "r"(mult), [c] "r"(add), [e] "r"(shift), [ao] "r"(a_offset),       \
                     [am] "r"(a_mult), [ac] "m"(a_add), [ae] "r"(a_shift), [bo] "r"(b_offset) \
                   : "memory")

/* One run of n consecutive outputs. Not inlined: the loop needs every register. */
static __attribute__((noinline)) void run(const tm_add_i8_scaled_params *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t n) {
  const int32_t mult = p->mult;
  const int32_t add = p->add;
  const int32_t shift = p->shift;
  const int32_t a_offset = p->a_offset;
  const int32_t a_mult = p->a_mult;
  const int32_t a_add = p->a_add;
  const int32_t a_shift = p->a_shift;
  const int32_t b_offset = p->b_offset;
  int32_t t, u;
  for (; n >= 2; n -= 2) {
    ELEMENTS(ELEMENT ELEMENT);
  }
  if (n > 0) {
    ELEMENTS(ELEMENT);
  }
}

tm_status tm_add_i8_scaled_dsp(const tm_add_i8_scaled_params *p, const int8_t *a, const int8_t *b, int8_t *y) {
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PAIRWISE_ROWS(p, a, b, y, run);
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_add_i8_scaled_dsp_not_built;
#endif
