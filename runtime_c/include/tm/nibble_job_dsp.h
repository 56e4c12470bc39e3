/*
 * Armv7E-M: the inner loop of convolutions on weights of 4 and 2 bits (layout: tm/conv_2d_nibbles.h), three pixels at a time.
 *
 * As tm/triple_job_dsp.h, but a word of weights holds two or four words' weights, each S * (u[a] + 256 * w[b]) in a half, S = 16
 * or 64, where u[a] = w[a] + 8 or w[a] + 2 is never negative. SMLAD of the half sums S * (X0 + 256 * S1), UXTB16 leaves S * u[a],
 * and one more SMLAD sums S * X0. What the offset adds, 128 times the sum of a pixel's inputs for either width, each pixel's
 * sums begin without.
 *
 * 2 bits: shifted and masked, the bits of each weight are the highest ones of its byte. 37 instructions for 48 products.
 * 4 bits: the odd inputs' weights, in the high halves of the bytes, are used with the even inputs' below them,
 *   x_odd * (16 * odd + even) + (16 * x_even - x_odd) * even = 16 * (x_odd * odd + x_even * even),
 * so that only these are masked, and even inputs are stored as 16 * x_even - x_odd. Their w[b] + 8 is never negative either:
 * the sums for b begin without 2^15 times the sum of the even inputs. 18 instructions for 24 products.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_NIBBLE_JOB_DSP_H
#define TM_NIBBLE_JOB_DSP_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct nibble_job {
  int32_t at, end;   /* channels to compute */
  int8_t *y[3];      /* each pixel's channel 0 */
  const uint32_t *x; /* what each pixel's sums begin with, b and a together, then a; per group of four the pixels' inputs 0 and 2, then 1 and 3 */
  const uint32_t *x_end;
  const int32_t *q;  /* records, at the first pair to compute */
  uint32_t entry;   /* into the unrolled loop */
  const int32_t *w; /* words of weights, at the first pair to compute */
} nibble_job;

/* A word of weights against r4-r6. S * (X0 + 256 * S1) in r7-r9, S * X0 in r10-r12. */
#define WORD3(w)                \
  "ldm r0!, {r4-r6}\n"          \
  "smlad r7, r4, " w ", r7\n"   \
  "smlad r8, r5, " w ", r8\n"   \
  "smlad r9, r6, " w ", r9\n"   \
  "uxtb16 " w ", " w "\n"       \
  "smlad r10, r4, " w ", r10\n" \
  "smlad r11, r5, " w ", r11\n" \
  "smlad r12, r6, " w ", r12\n"
#define UNIT4 "ldr r2, [r1], #4\n and r3, r2, #0x0f0f0f0f\n" WORD3("r3") WORD3("r2")
#define UNIT2                                                               \
  "ldr r2, [r1], #4\n and r3, lr, r2, lsl #6\n" WORD3("r3")                 \
  "and r3, lr, r2, lsl #4\n" WORD3("r3") "and r3, lr, r2, lsl #2\n" WORD3("r3") \
  "and r2, lr, r2\n" WORD3("r2")
#define ONE_SIGN3(x, m, c, e) "smmla " x ", " x ", " m ", " c "\n asr " x ", " x ", " e "\n ssat " x ", #8, " x "\n"
#define ANY_SIGN3(x, m, c, e) \
  "smmlar lr, " x ", " m ", " c "\n add lr, lr, " x ", asr #31\n asr lr, lr, " e "\n ssat " x ", #8, lr\n"
#define CHANNEL3(OUTPUT, a, b, d, m, c, e) OUTPUT(a, m, c, e) OUTPUT(b, m, c, e) OUTPUT(d, m, c, e)
/* S * S0 and 256 * S * S1 become what the requantisation wants, biases included */
#define SCALED(x, bias, how) "add " x ", " bias ", " x ", " how "\n"
#define SCALES(how0, how1)                                                             \
  SCALED("r10", "r2", how0) SCALED("r11", "r2", how0) SCALED("r12", "r2", how0) \
  SCALED("r7", "r3", how1) SCALED("r8", "r3", how1) SCALED("r9", "r3", how1)
/* Units from an entry to the end of the loop: eight of two words, or four of four. */
#define LOOP8(NAME, UNIT)                                                                                                   \
  ".L" #NAME "_0:\n" UNIT ".L" #NAME "_7:\n" UNIT ".L" #NAME "_6:\n" UNIT ".L" #NAME "_5:\n" UNIT ".L" #NAME "_4:\n" UNIT \
  ".L" #NAME "_3:\n" UNIT ".L" #NAME "_2:\n" UNIT ".L" #NAME "_1:\n" UNIT
#define LOOP4(NAME, UNIT) ".L" #NAME "_0:\n" UNIT ".L" #NAME "_3:\n" UNIT ".L" #NAME "_2:\n" UNIT ".L" #NAME "_1:\n" UNIT
#define TABLE4(NAME) ".word .L" #NAME "_0+1, .L" #NAME "_1+1, .L" #NAME "_2+1, .L" #NAME "_3+1\n"
#define TABLE8(NAME) TABLE4(NAME) ".word .L" #NAME "_4+1, .L" #NAME "_5+1, .L" #NAME "_6+1, .L" #NAME "_7+1\n"

/* r0: inputs; lr: their end, or the mask that 2 bits need. The flags say whether r0 is at the end. */
#define BEGIN4 "ldrd r0, lr, [sp, #20]\n"
#define END4 "cmp r0, lr\n"
#define BEGIN2 "ldr r0, [sp, #20]\n mov lr, #0xc0c0c0c0\n"
#define END2 "ldr r2, [sp, #24]\n cmp r0, r2\n"

/* All pairs of a job. r1: words of weights. With job->entry == 0, fills that in instead, for job->at units. */
#define NIBBLES(NAME, BEGIN, END, LAST, LOOP, TABLE, UNIT, SCALE, OUTPUT)                            \
  static __attribute__((naked, noinline)) void NAME(nibble_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                          \
        "ldr r3, [r0, #32]\n"                                                                  \
        "cbnz r3, .L" #NAME "_run\n"                                                           \
        "ldr r1, [r0]\n"                                                                       \
        "adr r2, .L" #NAME "_table\n"                                                          \
        "and r1, r1, #" LAST "\n"                                                                     \
        "ldr r3, [r2, r1, lsl #2]\n"                                                           \
        "str r3, [r0, #32]\n"                                                                  \
        "bx lr\n"                                                                              \
        ".L" #NAME "_run:\n"                                                                   \
        "push {r4-r11, lr}\n"                                                                  \
        "sub sp, #36\n"                                                                        \
        "ldm r0, {r1-r9}\n"                                                                    \
        "stm sp, {r1-r9}\n"                                                                    \
        "ldr r1, [r0, #36]\n"                                                                  \
        ".L" #NAME "_pair:\n"                                                                  \
        BEGIN                                                                                  \
        "ldm r0!, {r7-r12}\n"                                                                  \
        "ldr pc, [sp, #32]\n"                                                                  \
        LOOP(NAME, UNIT)                                                                       \
        END                                                                                    \
        "bne .L" #NAME "_0\n"                                                                  \
        "sub r7, r7, r10\n"                                                                    \
        "sub r8, r8, r11\n"                                                                    \
        "sub r9, r9, r12\n"                                                                    \
        "ldr lr, [sp, #28]\n"                                                                  \
        "ldrd r2, r3, [lr], #8\n" /* bias a, bias b */                                         \
        SCALE                                                                                  \
        "ldm lr!, {r0, r2-r6}\n"                                                               \
        "str lr, [sp, #28]\n"                                                                  \
        CHANNEL3(OUTPUT, "r10", "r11", "r12", "r0", "r2", "r3")                                \
        CHANNEL3(OUTPUT, "r7", "r8", "r9", "r4", "r5", "r6")                                   \
        "ldm sp, {r2-r6}\n" /* at, end, y[3] */                                                \
        "bfi r10, r7, #8, #8\n"                                                                \
        "strh r10, [r4, r2]\n"                                                                 \
        "bfi r11, r8, #8, #8\n"                                                                \
        "strh r11, [r5, r2]\n"                                                                 \
        "bfi r12, r9, #8, #8\n"                                                                \
        "strh r12, [r6, r2]\n"                                                                 \
        "adds r2, #2\n"                                                                        \
        "str r2, [sp]\n"                                                                       \
        "cmp r2, r3\n"                                                                         \
        "bne .L" #NAME "_pair\n"                                                               \
        "add sp, #36\n"                                                                        \
        "pop {r4-r11, pc}\n"                                                                   \
        ".balign 4\n"                                                                          \
        ".L" #NAME "_table:\n"                                                                 \
        TABLE(NAME));                                                                          \
  }

NIBBLES(tm_nibbles_one_sign, BEGIN4, END4, "7", LOOP8, TABLE8, UNIT4, SCALES("lsl #4", "asr #4"), ONE_SIGN3)
NIBBLES(tm_nibbles_any_sign, BEGIN4, END4, "7", LOOP8, TABLE8, UNIT4, SCALES("asr #3", "asr #11"), ANY_SIGN3)
NIBBLES(tm_crumbs_one_sign, BEGIN2, END2, "3", LOOP4, TABLE4, UNIT2, SCALES("lsl #2", "asr #6"), ONE_SIGN3)
NIBBLES(tm_crumbs_any_sign, BEGIN2, END2, "3", LOOP4, TABLE4, UNIT2, SCALES("asr #5", "asr #13"), ANY_SIGN3)

#undef WORD3
#undef UNIT4
#undef UNIT2
#undef ONE_SIGN3
#undef ANY_SIGN3
#undef CHANNEL3
#undef SCALED
#undef SCALES
#undef LOOP8
#undef LOOP4
#undef TABLE4
#undef TABLE8
#undef BEGIN4
#undef END4
#undef BEGIN2
#undef END2
#undef NIBBLES

#endif
#endif /* TM_NIBBLE_JOB_DSP_H */
