/*
 * Armv7E-M: the loop of tm/pair_job_dsp.h, of which tm_pairs_one_sign_dsp and tm_pairs_any_sign_dsp are made; for their files alone.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIR_LOOP_DSP_H
#define TM_PAIR_LOOP_DSP_H

#include "tm/fixed_shift_dsp.h"
#include "tm/pair_job_dsp.h"

/* Two words of weights (four inputs) against r4-r7. wa, wb hold the words; px 0 sums in r2, r3, px 1 in r12, lr. */
#define WORD(w, x0, x1)             \
  "smlad lr, " x1 ", " w ", lr\n"   \
  "smlad r3, " x0 ", " w ", r3\n"   \
  "sxtb16 " w ", " w "\n"           \
  "smlad r12, " x1 ", " w ", r12\n" \
  "smlad r2, " x0 ", " w ", r2\n"
/* The first word: px 1 begins with px 0's biases in r2, r3. */
#define FIRST(w, x0, x1)           \
  "smlad lr, " x1 ", " w ", r3\n"  \
  "smlad r3, " x0 ", " w ", r3\n"  \
  "sxtb16 " w ", " w "\n"          \
  "smlad r12, " x1 ", " w ", r2\n" \
  "smlad r2, " x0 ", " w ", r2\n"
#define FOUR(wa, wb) "ldm r0!, {r4-r7}\n" WORD(wa, "r4", "r5") WORD(wb, "r6", "r7")
#define EIGHT "ldm r1!, {r8-r11}\n" FOUR("r8", "r9") FOUR("r10", "r11")

/* One output from its sum (x, scaled); t: a register for any sign's product. */
#define ANY_SIGN(x, m, c, e, t) \
  "smmlar " t ", " x ", " m ", " c "\n add " t ", " t ", " x ", asr #31\n asr " t ", " t ", " e "\n ssat " x ", #8, " t "\n"
#define FIRST_PIXEL(x) "strb " x ", [r10], #1\n"
#define SECOND_PIXEL(x) "strb " x ", [r10, r11]\n"
/* r0: the pair's mult, add, shift of both channels, which go to r4-r9; r10: first pixel's y, r11: apart */
#define ONE_SIGN_OUTPUTS                                      \
  "ldm r0!, {r4-r9}\n"                                        \
  "lsl r2, r2, r6\n lsl r12, r12, r6\n"                       \
  TM_FIXED_OUTPUT("r12", "r4", "r5") SECOND_PIXEL("r12")       \
  TM_FIXED_OUTPUT("r2", "r4", "r5") FIRST_PIXEL("r2")          \
  TM_FIXED_OUTPUT("lr", "r7", "r8") SECOND_PIXEL("lr")         \
  TM_FIXED_OUTPUT("r3", "r7", "r8") FIRST_PIXEL("r3")
#define ANY_SIGN_OUTPUTS                                      \
  "ldm r0!, {r4-r6}\n"                                        \
  ANY_SIGN("r12", "r4", "r5", "r6", "r7") SECOND_PIXEL("r12") \
  ANY_SIGN("r2", "r4", "r5", "r6", "r7") FIRST_PIXEL("r2")    \
  "ldm r0!, {r7-r9}\n"                                        \
  ANY_SIGN("lr", "r7", "r8", "r9", "r4") SECOND_PIXEL("lr")   \
  ANY_SIGN("r3", "r7", "r8", "r9", "r4") FIRST_PIXEL("r3")

/* The function NAME of tm/pair_job_dsp.h. r0: inputs, r1: words. */
#define PAIRS(NAME, SCALE, OUTPUTS)                                                                                     \
  __attribute__((naked)) void NAME(tm_pair_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                                                   \
        "ldr r3, [r0, #28]\n"                                                                                           \
        "cbnz r3, .L" #NAME "_run\n"                                                                                    \
        "ldr r1, [r0, #12]\n"                                                                                           \
        "adr r2, .L" #NAME "_table\n"                                                                                   \
        "lsrs r3, r1, #1\n"                                                                                             \
        "ite eq\n"                                                                                                      \
        "moveq r3, #4\n"                                                                                                \
        "andne r3, r3, #3\n"                                                                                            \
        "ldr r3, [r2, r3, lsl #2]\n"                                                                                    \
        "str r3, [r0, #32]\n"                                                                                           \
        "tst r1, #1\n"                                                                                                  \
        "it ne\n"                                                                                                       \
        "ldrne r3, [r2, #20]\n"                                                                                         \
        "str r3, [r0, #28]\n"                                                                                           \
        "bx lr\n"                                                                                                       \
        ".L" #NAME "_run:\n"                                                                                            \
        "push {r4-r11, lr}\n"                                                                                           \
        "ldm r0, {r1, r4-r11}\n"                                                                                        \
        "ldrd r2, r3, [r4], #8\n"                                                                                       \
        "push {r4-r11}\n"                                                                                               \
        "mov r0, r7\n"                                                                                                  \
        ".L" #NAME "_pair:\n"                                                                                           \
        "ldm r1!, {r8-r11}\n"                                                                                           \
        "ldm r0!, {r4-r7}\n" FIRST("r8", "r4", "r5") WORD("r9", "r6", "r7") FOUR("r10", "r11")                          \
        "ldr pc, [sp, #24]\n"                                                                                           \
        ".L" #NAME "_four:\n"                                                                                           \
        "ldm r1!, {r8, r9}\n" FOUR("r8", "r9")                                                                          \
        "ldr pc, [sp, #28]\n"                                                                                           \
        ".L" #NAME "_0:\n" EIGHT                                                                                        \
        ".L" #NAME "_3:\n" EIGHT                                                                                        \
        ".L" #NAME "_2:\n" EIGHT                                                                                        \
        ".L" #NAME "_1:\n" EIGHT                                                                                        \
        "ldr r4, [sp, #20]\n"                                                                                           \
        "cmp r0, r4\n"                                                                                                  \
        "bne .L" #NAME "_0\n"                                                                                           \
        ".L" #NAME "_end:\n"                                                                                            \
        "sub r3, r3, r2\n"                                                                                              \
        "sub lr, lr, r12\n" SCALE                                                                                       \
        "ldm sp, {r0, r10, r11}\n" OUTPUTS                                                                              \
        "ldm r0!, {r2, r3}\n" /* the next pair's biases */                                                              \
        "strd r0, r10, [sp]\n"                                                                                          \
        "ldrd r0, r4, [sp, #12]\n"                                                                                      \
        "cmp r10, r4\n"                                                                                                 \
        "bne .L" #NAME "_pair\n"                                                                                        \
        "add sp, #32\n"                                                                                                 \
        "pop {r4-r11, pc}\n"                                                                                            \
        ".balign 4\n"                                                                                                   \
        ".L" #NAME "_table:\n"                                                                                          \
        ".word .L" #NAME "_0+1, .L" #NAME "_1+1, .L" #NAME "_2+1, .L" #NAME "_3+1\n"                                    \
        ".word .L" #NAME "_end+1, .L" #NAME "_four+1\n"); \
  }

#endif /* TM_PAIR_LOOP_DSP_H */
