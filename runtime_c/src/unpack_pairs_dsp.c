/*
 * Bias, multiplier, addend and shift of pairs of output channels from packed constants, Armv7E-M. Contract: tm/packed_constants.h.
 * Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/packed_constants.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/fixed_shift_dsp.h"
#include "tm/unpack_dsp.h"

/* What the assembly below reads, in this order. */
typedef struct unpack_job {
  const void *pair;
  int32_t z; /* 2 z + 1 */
  int32_t *record;
  int32_t shift_bits, mask;
  int32_t base; /* of e */
  uint32_t factor_high, factor_low;
  int32_t pair_bytes;
  int32_t half; /* 2^TM_FIXED_SHIFT in one sign's form, or 0 */
  int32_t high_bits, rest; /* 32 - high_bits */
  const int32_t *end; /* behind the last record */
} unpack_job;

/*
 * A channel's mult, add and shift to the record in r2. r0: pair, r1: z, r5: base. Changes r12, lr.
 * In one sign's form the first channel of a pair has its shift for TM_FIXED_SHIFT, and the second one's mult loses bits.
 */
#define FIRST_CHANNEL(word, rest)        \
  TM_UNPACK_CHANNEL(word, rest)          \
  "add " word ", " word ", r5\n" /* e */ \
  "ldr r12, [sp, #4]\n"                  \
  "str lr, [r2, #8]\n"                   \
  "mov lr, " word "\n"                   \
  "cmp r12, #0\n"                        \
  "ittt ne\n"                            \
  "lsrne r12, r12, " word "\n"           \
  "rsbne " word ", " word ", #" TM_FIXED_LEFT "\n" \
  "movne lr, #" TM_FIXED_AT "\n"         \
  "lsl lr, r1, lr\n"                     \
  "add r12, r12, lr\n"                   \
  "asr r12, r12, #1\n"                   \
  "strd r12, " word ", [r2, #12]\n"
#define SECOND_CHANNEL(word, rest)       \
  TM_UNPACK_CHANNEL(word, rest)          \
  "add " word ", " word ", r5\n"         \
  "ldr r12, [sp, #4]\n"                  \
  "cmp r12, #0\n"                        \
  "itttt ne\n"                           \
  "lsrne r12, r12, " word "\n"           \
  "subne " word ", " word ", #" TM_FIXED_LOST "\n" \
  "lslne lr, lr, #1\n"                   \
  "lsrne lr, lr, " word "\n"             \
  "ittt ne\n"                            \
  "addne lr, lr, #1\n"                   \
  "lsrne lr, lr, #1\n"                   \
  "movne " word ", #" TM_FIXED_AT "\n"  \
  "str lr, [r2, #20]\n"                  \
  "lsl lr, r1, " word "\n"               \
  "add r12, r12, lr\n"                   \
  "asr r12, r12, #1\n"                   \
  "strd r12, " word ", [r2, #24]\n"

static __attribute__((naked, noinline)) void tm_unpack_job(const unpack_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "sub sp, #20\n"
      "add r8, r0, #32\n"
      "ldm r8, {r8-r12}\n"
      "stm sp, {r8-r12}\n"
      "ldm r0, {r0-r7}\n"
      ".Ltm_unpack_job_pair:\n" TM_UNPACK_PAIR("8") FIRST_CHANNEL("r9", "r11") SECOND_CHANNEL("r10", "r8")
      "add r8, r11, r8, lsl #8\n"
      "strd r11, r8, [r2], #32\n"
      "ldr r8, [sp, #16]\n"
      "cmp r2, r8\n"
      "bne .Ltm_unpack_job_pair\n"
      "add sp, #20\n"
      "pop {r4-r11, pc}\n");
}

const int32_t *tm_unpack_pairs_dsp(const tm_packed_constants *q, const int32_t *bits, int32_t channels, int32_t any_sign,
                                   int32_t *records) {
  const int32_t two = any_sign == 0; /* roundings that become one */
  const int32_t s = tm_packed_shift_bits(q);
  const int32_t high = tm_packed_high_bits(q);
  const unpack_job job = {bits, 2 * tm_packed_zero_point(q) + 1, records, s, (1 << s) - 1, tm_packed_shift_base(q),
                          q->factor_high, q->factor_low, tm_packed_pair(q), two << TM_FIXED_SHIFT, high, 32 - high,
                          records + (channels + 1) / 2 * TM_PAIR_RECORD};
  tm_unpack_job(&job);
  return bits + tm_packed_words(q, channels);
}
#undef FIRST_CHANNEL
#undef SECOND_CHANNEL
#else
/* ISO C forbids an empty translation unit */
typedef int tm_unpack_pairs_dsp_not_built;
#endif
