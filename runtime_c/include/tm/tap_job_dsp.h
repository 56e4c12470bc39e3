/*
 * Armv7E-M: the inner loop of depthwise convolutions on a list of taps, four channels together (stream: tm/depthwise_conv_2d_taps.h).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TAP_JOB_DSP_H
#define TM_TAP_JOB_DSP_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* r0: taps, r1: stream, r2: x; sums in r3-r6, which begin with the biases. */
#define TM_TAP_BIASES "ldm r1!, {r3-r6}\n"
#define TM_TWO_TAPS             \
  "ldrd r7, r8, [r0], #8\n"     \
  "ldr r7, [r2, r7]\n"          \
  "ldr r8, [r2, r8]\n"          \
  "ldm r1!, {r9-r12}\n"         \
  "pkhbt lr, r7, r8, lsl #16\n" \
  "pkhtb r7, r8, r7, asr #16\n" \
  "sxtb16 r8, lr\n"             \
  "smlad r3, r8, r9, r3\n"      \
  "sxtb16 lr, lr, ror #8\n"     \
  "smlad r4, lr, r10, r4\n"     \
  "sxtb16 r8, r7\n"             \
  "smlad r5, r8, r11, r5\n"     \
  "sxtb16 r7, r7, ror #8\n"     \
  "smlad r6, r7, r12, r6\n"

#define TM_LAST_TAP               \
  "ldr r7, [r0]\n"               \
  "ldrd r9, r10, [r1], #8\n"     \
  "ldr r7, [r2, r7]\n"           \
  "sxtb16 r8, r7\n"              \
  "sxtb16 r7, r7, ror #8\n"      \
  "smlabb r3, r8, r9, r3\n"      \
  "smlabb r4, r7, r10, r4\n"     \
  "smlatt r5, r8, r9, r5\n"      \
  "smlatt r6, r7, r10, r6\n"

/* One output from its sum x, in place or in lr; m, c, e hold the constants. */
#define TM_TAP_ONE_SIGN(x, m, c, e) "smmla " x ", " x ", " m ", " c "\n asr " x ", " x ", " e "\n ssat " x ", #8, " x "\n"
#define TM_TAP_ANY_SIGN(x, m, c, e) \
  "smmlar lr, " x ", " m ", " c "\n add lr, lr, " x ", asr #31\n asr lr, lr, " e "\n ssat " x ", #8, lr\n"

/*
 * All groups of a job, which begins with
 *   const int32_t *taps;     offsets from x
 *   const int32_t *w;        stream, at the first group to compute
 *   const int8_t *x;         the window's first pixel, at the first channel to compute; on the first call the number of taps
 *   what to write, and where to end
 *   const int32_t *taps_end; even number of taps
 *   uint32_t entry;          into the unrolled loop
 *   uint32_t main;           where the loop leads to: to the last tap of an odd number, or to the outputs
 * With job->entry == 0, fills in entry and main instead. KEPT: registers from r0 on, as many as the job has words, 9 at most; they are
 * kept at sp. BEGIN, TWO, LAST: the sums' first values, two taps, and the last one of an odd number. END: from four sums in r3-r6 and the stream in r1 at their constants to the outputs; it moves r2 to the next
 * channels and r0 to the taps, and sets the flags, equal at the end.
 */
#define TM_TAPS(NAME, KEPT, BEGIN, TWO, LAST, END)                                          \
  static __attribute__((naked, noinline, unused)) void NAME(tap_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                       \
        "ldr r3, [r0, #24]\n"                                                               \
        "cbnz r3, .L" #NAME "_run\n"                                                        \
        "ldr r1, [r0, #8]\n"                                                                \
        "adr r2, .L" #NAME "_table\n"                                                       \
        "ubfx r3, r1, #1, #2\n"                                                             \
        "ldr r3, [r2, r3, lsl #2]\n"                                                        \
        "cmp r1, #1\n"                                                                      \
        "it eq\n"                                                                           \
        "ldreq r3, [r2, #16]\n"                                                             \
        "str r3, [r0, #24]\n"                                                               \
        "tst r1, #1\n"                                                                      \
        "ite eq\n"                                                                          \
        "ldreq r3, [r2, #20]\n"                                                             \
        "ldrne r3, [r2, #16]\n"                                                             \
        "str r3, [r0, #28]\n"                                                               \
        "bx lr\n"                                                                           \
        ".L" #NAME "_run:\n"                                                                \
        "push {r4-r11, lr}\n"                                                               \
        "sub sp, #36\n"                                                                     \
        "ldm r0, {" KEPT "}\n"                                                              \
        "stm sp, {" KEPT "}\n"                                                              \
        ".L" #NAME "_group:\n" BEGIN                                                        \
        "ldr pc, [sp, #24]\n"                                                               \
        ".L" #NAME "_0:\n" TWO                                                              \
        ".L" #NAME "_3:\n" TWO                                                              \
        ".L" #NAME "_2:\n" TWO                                                              \
        ".L" #NAME "_1:\n" TWO                                                              \
        "ldr r7, [sp, #20]\n"                                                               \
        "cmp r0, r7\n"                                                                      \
        "bne .L" #NAME "_0\n"                                                               \
        "ldr pc, [sp, #28]\n"                                                               \
        ".L" #NAME "_last:\n" LAST                                                          \
        ".L" #NAME "_end:\n" END                                                            \
        "bne .L" #NAME "_group\n"                                                           \
        "add sp, #36\n"                                                                     \
        "pop {r4-r11, pc}\n"                                                                \
        ".balign 4\n"                                                                       \
        ".L" #NAME "_table:\n"                                                              \
        ".word .L" #NAME "_0+1, .L" #NAME "_1+1, .L" #NAME "_2+1, .L" #NAME "_3+1\n"        \
        ".word .L" #NAME "_last+1, .L" #NAME "_end+1\n");                                   \
  }

#endif
#endif /* TM_TAP_JOB_DSP_H */
