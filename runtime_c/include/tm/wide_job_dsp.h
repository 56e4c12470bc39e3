/*
 * Armv7E-M: the inner loop of convolutions whose weights are stored as 16-bit halves (layout: tm/conv_2d_wide.h).
 *
 * Two pixels by two channels: ten instructions for sixteen products, nothing to unpack. The weights carry the factor that
 * requantisation wants, 256 or 2, so that sums need no shift.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_WIDE_JOB_DSP_H
#define TM_WIDE_JOB_DSP_H

#include "tm/base.h"
#include "tm/fixed_shift_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct wide_job {
  const uint32_t *x; /* the two pixels' widened inputs, as tm/widen_dsp.h has them */
  const int32_t *w;  /* stream, at the first pair to compute */
  int8_t *y;         /* first pixel's first channel to write */
  ptrdiff_t apart;   /* from the first pixel's outputs to the second's */
  const uint32_t *x_again;
  const int8_t *y_end;
  const uint32_t *x_last; /* the last 32 of them; of one pixel their end */
  uint32_t entry;         /* into the unrolled loop: what the loop returns for job == NULL and the number of groups of four inputs, at least 2 */
} wide_job;

/* Four inputs of two pixels. px 0 sums in r2, r3, px 1 in r12, lr. */
#define LOADS "ldm r1!, {r8-r11}\n ldm r0!, {r4-r7}\n"
#define SECOND "smlad r2, r6, r10, r2\n smlad r3, r6, r11, r3\n smlad r12, r7, r10, r12\n smlad lr, r7, r11, lr\n"
/* px 1 begins with px 0's biases. */
#define FIRST LOADS "smlad r12, r5, r8, r2\n smlad lr, r5, r9, r3\n smlad r2, r4, r8, r2\n smlad r3, r4, r9, r3\n" SECOND
#define TWO LOADS "smlad r2, r4, r8, r2\n smlad r3, r4, r9, r3\n smlad r12, r5, r8, r12\n smlad lr, r5, r9, lr\n" SECOND
/* The same of px 0 alone. */
#define ONE LOADS "smlad r2, r4, r8, r2\n smlad r3, r4, r9, r3\n smlad r2, r6, r10, r2\n smlad r3, r6, r11, r3\n"

/* One output from its sum, r4-r9 hold the constants of both channels. */
#define FIXED(x, m, c, e) TM_FIXED_OUTPUT_TO("r0", x, m, c)
#define ONE_SIGN(x, m, c, e) "smmla r0, " x ", " m ", " c "\n asr r0, r0, " e "\n ssat r0, #8, r0\n"
#define ANY_SIGN(x, m, c, e) "smmlar r0, " x ", " m ", " c "\n add r0, r0, " x ", asr #31\n asr r0, r0, " e "\n ssat r0, #8, r0\n"
#define STORE_TWO(OUTPUT)                                 \
  OUTPUT("r12", "r4", "r5", "r6") "strb r0, [r10, r11]\n" \
  OUTPUT("r2", "r4", "r5", "r6") "strb r0, [r10], #1\n"   \
  OUTPUT("lr", "r7", "r8", "r9") "strb r0, [r10, r11]\n"  \
  OUTPUT("r3", "r7", "r8", "r9") "strb r0, [r10], #1\n"
#define STORE_ONE(OUTPUT) OUTPUT("r2", "r4", "r5", "r6") "strb r0, [r10], #1\n" OUTPUT("r3", "r7", "r8", "r9") "strb r0, [r10], #1\n"

/* Sums of all inputs: up to eight groups before each look at whether only those that LAST sums, or none, are left. */
#define LOOP(NAME, GROUP, LAST, BEGIN)                                                                             \
  "ldm r1!, {r2, r3}\n" BEGIN "ldr pc, [sp, #20]\n"                                                                \
  ".L" #NAME "_0:\n" GROUP ".L" #NAME "_7:\n" GROUP ".L" #NAME "_6:\n" GROUP ".L" #NAME "_5:\n" GROUP              \
  ".L" #NAME "_4:\n" GROUP ".L" #NAME "_3:\n" GROUP ".L" #NAME "_2:\n" GROUP ".L" #NAME "_1:\n" GROUP              \
  "ldr r4, [sp, #16]\n"                                                                                            \
  "cmp r0, r4\n"                                                                                                   \
  "bne .L" #NAME "_0\n" LAST
/* What the loop need not look at: the last eight groups, entered where there are no more than that. */
#define LAST8(NAME, GROUP)                                                                                            \
  ".L" #NAME "_last0:\n" GROUP ".L" #NAME "_last7:\n" GROUP ".L" #NAME "_last6:\n" GROUP ".L" #NAME "_last5:\n" GROUP \
  ".L" #NAME "_last4:\n" GROUP ".L" #NAME "_last3:\n" GROUP ".L" #NAME "_last2:\n" GROUP ".L" #NAME "_last1:\n" GROUP

/* All pairs of a job. r0: inputs, r1: stream. TABLE: where the loop is entered. */
#define WIDE(NAME, ENTRY, SUMS, STORES, TABLE)                                               \
  static __attribute__((naked, noinline)) uint32_t NAME(const wide_job *job __attribute__((unused)), int32_t groups __attribute__((unused))) { \
    __asm__ volatile(                                                                        \
        "cbnz r0, .L" #NAME "_run\n"                                                         \
        "adr r2, .L" #NAME "_table\n" ENTRY                                                  \
        "ldr r0, [r2, r1, lsl #2]\n"                                                         \
        "bx lr\n"                                                                            \
        ".L" #NAME "_run:\n"                                                                 \
        "push {r4-r11, lr}\n"                                                                \
        "ldm r0, {r0-r7}\n"                                                                  \
        "push {r2-r7}\n"                                                                     \
        ".L" #NAME "_pair:\n" SUMS                                                           \
        "ldrd r10, r11, [sp]\n"                                                              \
        "ldm r1!, {r4-r9}\n" STORES                                                          \
        "str r10, [sp]\n"                                                                    \
        "ldrd r0, r4, [sp, #8]\n"                                                            \
        "cmp r10, r4\n"                                                                      \
        "bne .L" #NAME "_pair\n"                                                             \
        "add sp, #24\n"                                                                      \
        "pop {r4-r11, pc}\n"                                                                 \
        ".balign 4\n"                                                                        \
        ".L" #NAME "_table:\n" TABLE);                                                       \
  }
#define EIGHT_WORDS(NAME, FROM0)                                                                                     \
  ".word .L" #NAME FROM0 "0+1, .L" #NAME FROM0 "1+1, .L" #NAME FROM0 "2+1, .L" #NAME FROM0 "3+1\n"                   \
  ".word .L" #NAME FROM0 "4+1, .L" #NAME FROM0 "5+1, .L" #NAME FROM0 "6+1, .L" #NAME FROM0 "7+1\n"
/* Groups behind the first, modulo 8: of two pixels up to 8 of them go to the last ones, of one pixel all to the loop. */
#define ENTRY_TWO "subs r1, #1\n cmp r1, #8\n and r1, r1, #7\n it hi\n addhi r1, #8\n"
#define ENTRY_ONE "and r1, r1, #7\n"
#define WIDE_TWO(NAME, OUTPUT)                                                                                       \
  WIDE(NAME, ENTRY_TWO, LOOP(NAME, TWO, LAST8(NAME, TWO), FIRST), STORE_TWO(OUTPUT), EIGHT_WORDS(NAME, "_last") EIGHT_WORDS(NAME, "_"))
#define WIDE_ONE(NAME, OUTPUT) WIDE(NAME, ENTRY_ONE, LOOP(NAME, ONE, "", ""), STORE_ONE(OUTPUT), EIGHT_WORDS(NAME, "_"))

WIDE_TWO(tm_wide_two_fixed, FIXED)
WIDE_TWO(tm_wide_two_one_sign, ONE_SIGN)
WIDE_TWO(tm_wide_two_any_sign, ANY_SIGN)
WIDE_ONE(tm_wide_one_fixed, FIXED)
WIDE_ONE(tm_wide_one_one_sign, ONE_SIGN)
WIDE_ONE(tm_wide_one_any_sign, ANY_SIGN)

#undef LOADS
#undef SECOND
#undef FIRST
#undef TWO
#undef ONE
#undef FIXED
#undef ONE_SIGN
#undef ANY_SIGN
#undef STORE_TWO
#undef STORE_ONE
#undef LOOP
#undef LAST8
#undef WIDE
#undef EIGHT_WORDS
#undef ENTRY_TWO
#undef ENTRY_ONE
#undef WIDE_TWO
#undef WIDE_ONE

#endif
#endif /* TM_WIDE_JOB_DSP_H */
