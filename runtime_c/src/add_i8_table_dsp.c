/*
 * ADD, int8, Armv7E-M. Contract: tm/pairwise_dsp.h. Empty on other cores.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pairwise.h"
#include "tm/pairwise_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* Loads stand together: each but the first takes one cycle instead of two on a Cortex-M4. */
#define TWO_ELEMENTS                 \
  "ldrsb %[t], [%[a]], #1\n"         \
  "ldrsb %[v], [%[a]], #1\n"         \
  "ldrsb %[u], [%[b]], #1\n"         \
  "ldrsb %[w], [%[b]], #1\n"         \
  "ldr %[t], [%[s], %[t], lsl #2]\n" \
  "ldr %[v], [%[s], %[v], lsl #2]\n" \
  "add %[t], %[t], %[u], lsl #20\n"  \
  "add %[v], %[v], %[w], lsl #20\n"  \
  "smmlar %[u], %[t], %[m], %[c]\n"  \
  "smmlar %[w], %[v], %[m], %[c]\n"  \
  "add %[u], %[u], %[t], asr #31\n"  \
  "add %[w], %[w], %[v], asr #31\n"  \
  "asr %[u], %[u], %[e]\n"           \
  "asr %[w], %[w], %[e]\n"           \
  "ssat %[u], #8, %[u]\n"            \
  "ssat %[w], #8, %[w]\n"            \
  "strb %[u], [%[y]], #1\n"          \
  "strb %[w], [%[y]], #1\n"
#define ELEMENT                      \
  "ldrsb %[t], [%[a]], #1\n"         \
  "ldrsb %[u], [%[b]], #1\n"         \
  "ldr %[t], [%[s], %[t], lsl #2]\n" \
  "add %[t], %[t], %[u], lsl #20\n"  \
  "smmlar %[u], %[t], %[m], %[c]\n"  \
  "add %[u], %[u], %[t], asr #31\n"  \
  "asr %[u], %[u], %[e]\n"           \
  "ssat %[u], #8, %[u]\n"            \
  "strb %[u], [%[y]], #1\n"
#define ELEMENTS(TEXT)                                                                                                          \
  __asm__ volatile(TEXT : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v), [w] "=&r"(w) \
                   : [m] "r"(mult), [c] "r"(add), [e] "r"(shift), [s] "r"(table) : "memory")

/* The table of all first operands from -128 on. */
static void fill(const tm_add_i8_scaled_params *p, int32_t *table) {
  const int32_t a_mult = p->a_mult;
  const int32_t a_add = p->a_add;
  const int32_t a_shift = p->a_shift;
  const int32_t b_offset = p->b_offset;
  int32_t s = p->a_offset - 128 * (1 << 21);
  int32_t u;
#define ENTRY                          \
  "smmlar %[u], %[s], %[am], %[ac]\n"  \
  "add %[u], %[u], %[s], asr #31\n"    \
  "asr %[u], %[u], %[ae]\n"            \
  "add %[u], %[bo], %[u], lsl #1\n"    \
  "add %[s], %[s], #2097152\n"         \
  "str %[u], [%[to]], #4\n"
  for (int32_t left = 256; left > 0; left -= 2) {
    __asm__ volatile(ENTRY ENTRY : [s] "+r"(s), [u] "=&r"(u), [to] "+r"(table)
                     : [am] "r"(a_mult), [ac] "r"(a_add), [ae] "r"(a_shift), [bo] "r"(b_offset) : "memory");
  }
#undef ENTRY
}

/* One run of n consecutive outputs; table: of the first operand 0. Not inlined: once is enough. */
static __attribute__((noinline)) void run(const tm_add_i8_scaled_params *p, const int32_t *table, const int8_t *a, const int8_t *b,
                                          int8_t *y, int32_t n) {
  const int32_t mult = p->mult;
  const int32_t add = p->add;
  const int32_t shift = p->shift;
  int32_t t, u, v, w;
  for (; n >= 8; n -= 8) {
    ELEMENTS(TWO_ELEMENTS TWO_ELEMENTS TWO_ELEMENTS TWO_ELEMENTS);
  }
  for (; n > 0; --n) {
    ELEMENTS(ELEMENT);
  }
}

tm_status tm_add_i8_table_dsp(const tm_add_i8_scaled_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch) {
  if (p == NULL || a == NULL || b == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  int32_t *table = (int32_t *)scratch;
  fill(p, table);
#define RUN(p, a, b, y, n) run((p), table + 128, (a), (b), (y), (n))
  TM_PAIRWISE_ROWS(p, a, b, y, RUN);
#undef RUN
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_add_i8_table_dsp_not_built;
#endif
