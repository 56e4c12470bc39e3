/*
 * Armv7E-M: the loop of tm/triple_job_dsp.h, of which tm_triples_one_sign_dsp and tm_triples_any_sign_dsp are made; for their files alone.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TRIPLE_LOOP_DSP_H
#define TM_TRIPLE_LOOP_DSP_H

#include "tm/fixed_shift_dsp.h"
#include "tm/triple_job_dsp.h"

/* A word of weights against r4-r6. S0 + 256 * S1 in r7-r9, S0 in r10-r12. */
#define WORD3(w)            \
  "ldm r0!, {r4-r6}\n"      \
  "smlad r7, r4, " w ", r7\n" \
  "smlad r8, r5, " w ", r8\n" \
  "smlad r9, r6, " w ", r9\n" \
  "sxtb16 " w ", " w "\n"   \
  "smlad r10, r4, " w ", r10\n" \
  "smlad r11, r5, " w ", r11\n" \
  "smlad r12, r6, " w ", r12\n"
/* The first word: pixels 1 and 2 begin with pixel 0's biases in r7, r10. */
#define FIRST3(w)               \
  "ldm r0!, {r4-r6}\n"          \
  "smlad r8, r5, " w ", r7\n"   \
  "smlad r9, r6, " w ", r7\n"   \
  "smlad r7, r4, " w ", r7\n"   \
  "sxtb16 " w ", " w "\n"       \
  "smlad r11, r5, " w ", r10\n" \
  "smlad r12, r6, " w ", r10\n" \
  "smlad r10, r4, " w ", r10\n"
#define FOUR3 "ldm r1!, {r2, r3}\n" WORD3("r2") WORD3("r3")
#define ONE_SIGN3(x, m, c, e) TM_FIXED_OUTPUT(x, m, c)
#define ANY_SIGN3(x, m, c, e) "smmlar r4, " x ", " m ", " c "\n add r4, r4, " x ", asr #31\n asr r4, r4, " e "\n ssat " x ", #8, r4\n"
#define CHANNEL3(OUTPUT, a, b, d, m, c, e) OUTPUT(a, m, c, e) OUTPUT(b, m, c, e) OUTPUT(d, m, c, e)

/* The function NAME of tm/triple_job_dsp.h. r0: inputs, r1: words. SCALE: of the sums, r3 is the first channel's shift. */
#define TRIPLES(NAME, SCALE, OUTPUT)                                                            \
  __attribute__((naked)) void NAME(tm_triple_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                           \
        "ldr r3, [r0, #24]\n"                                                                   \
        "cbnz r3, .L" #NAME "_run\n"                                                            \
        "ldr r1, [r0, #12]\n"                                                                   \
        "adr r2, .L" #NAME "_table\n"                                                           \
        "subs r1, r1, #1\n"                                                                     \
        "ite eq\n"                                                                              \
        "moveq r1, #8\n"                                                                        \
        "andne r1, r1, #7\n"                                                                    \
        "ldr r3, [r2, r1, lsl #2]\n"                                                            \
        "str r3, [r0, #24]\n"                                                                   \
        "bx lr\n"                                                                               \
        ".L" #NAME "_run:\n"                                                                    \
        "push {r4-r11, lr}\n"                                                                   \
        "ldm r0, {r0-r6, lr}\n"                                                                 \
        "sub r2, r2, r5, lsr #4\n" /* a record's 16th is what its outputs take: y and it need one register */ \
        "subs r2, #2\n"                                                                         \
        "ldrd r10, r7, [r5], #8\n"                                                              \
        "push {r0, r2-r6}\n"                                                                    \
        ".L" #NAME "_pair:\n" /* r10, r7: bias a, bias a + 256 * bias b */                      \
        "ldm r1!, {r2, r3}\n" FIRST3("r2") WORD3("r3")                                          \
        "ldr pc, [sp, #20]\n"                                                                   \
        ".L" #NAME "_0:\n" FOUR3                                                                \
        ".L" #NAME "_7:\n" FOUR3                                                                \
        ".L" #NAME "_6:\n" FOUR3                                                                \
        ".L" #NAME "_5:\n" FOUR3                                                                \
        ".L" #NAME "_4:\n" FOUR3                                                                \
        ".L" #NAME "_3:\n" FOUR3                                                                \
        ".L" #NAME "_2:\n" FOUR3                                                                \
        ".L" #NAME "_1:\n" FOUR3                                                                \
        "teq r0, lr\n"                                                                          \
        "bne .L" #NAME "_0\n"                                                                   \
        ".L" #NAME "_end:\n"                                                                    \
        "sub r7, r7, r10\n"                                                                     \
        "sub r8, r8, r11\n"                                                                     \
        "sub r9, r9, r12\n"                                                                     \
        "ldr r6, [sp, #16]\n"                                                                   \
        "ldm r6!, {r0, r2, r3}\n" SCALE CHANNEL3(OUTPUT, "r10", "r11", "r12", "r0", "r2", "r3")       \
        "ldm r6!, {r0, r2, r3}\n" CHANNEL3(OUTPUT, "r7", "r8", "r9", "r0", "r2", "r3")          \
        "ldm sp, {r0, r2-r4}\n"                                                                 \
        "bfi r11, r8, #8, #8\n"                                                                 \
        "add r2, r2, r6, lsr #4\n"                                                              \
        "strh r11, [r2, r3]\n"                                                                  \
        "bfi r12, r9, #8, #8\n"                                                                 \
        "strh r12, [r2, r3, lsl #1]\n"                                                          \
        "bfi r10, r7, #8, #8\n"                                                                 \
        "strh r10, [r2]\n"                                                                      \
        "teq r6, r4\n"                                                                          \
        "ldrd r10, r7, [r6], #8\n"                                                              \
        "str r6, [sp, #16]\n"                                                                   \
        "bne .L" #NAME "_pair\n"                                                                \
        "add sp, #24\n"                                                                         \
        "pop {r4-r11, pc}\n"                                                                    \
        ".L" #NAME "_whole:\n"                                                                  \
        "b .L" #NAME "_0\n"                                                                     \
        ".balign 4\n"                                                                           \
        ".L" #NAME "_table:\n"                                                                  \
        ".word .L" #NAME "_whole+1, .L" #NAME "_1+1, .L" #NAME "_2+1, .L" #NAME "_3+1\n"        \
        ".word .L" #NAME "_4+1, .L" #NAME "_5+1, .L" #NAME "_6+1, .L" #NAME "_7+1\n"        \
        ".word .L" #NAME "_end+1\n");                                                           \
  }

#endif /* TM_TRIPLE_LOOP_DSP_H */
