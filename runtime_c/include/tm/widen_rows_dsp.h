/*
 * Armv7E-M: the widened inputs (tm/widen_dsp.h) of whole windows, for convolutions on packed pairs of output channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_WIDEN_ROWS_DSP_H
#define TM_WIDEN_ROWS_DSP_H

#include "tm/widen_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/*
 * One pixel's widened inputs from `rows` > 0 runs of n bytes (a multiple of four), `down` bytes apart, to every second word from dst
 * on (tm_widen_runs_2) or to every third one. Returns the end of what was written.
 */
#define TM_WIDEN_WORD(w, step)        \
  "sxtb16 r12, " w ", ror #8\n"       \
  "sxtb16 " w ", " w "\n"             \
  "str " w ", [r0], #" step "\n"      \
  "str r12, [r0], #" step "\n"
#define TM_WIDEN_RUNS(NAME, STEP)                                                                                             \
  static __attribute__((naked, noinline, unused)) uint32_t *NAME(                                                             \
      uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)), int32_t n __attribute__((unused)),      \
      int32_t rows __attribute__((unused)), ptrdiff_t down __attribute__((unused))) {                                         \
    __asm__ volatile(                                                                                                         \
        "push {r4-r9, lr}\n"                                                                                                  \
        "ldr r9, [sp, #28]\n"                                                                                                 \
        ".L" #NAME "_row:\n"                                                                                                  \
        "mov r4, r1\n"                                                                                                        \
        "subs lr, r2, #16\n"                                                                                                  \
        "blt .L" #NAME "_rest\n"                                                                                              \
        ".L" #NAME "_words:\n"                                                                                                \
        "ldr r8, [r4, #12]\n"                                                                                                 \
        "ldr r7, [r4, #8]\n"                                                                                                  \
        "ldr r6, [r4, #4]\n"                                                                                                  \
        "ldr r5, [r4], #16\n"                                                                                                 \
        TM_WIDEN_WORD("r5", STEP) TM_WIDEN_WORD("r6", STEP) TM_WIDEN_WORD("r7", STEP) TM_WIDEN_WORD("r8", STEP)               \
        "subs lr, lr, #16\n"                                                                                                  \
        "bge .L" #NAME "_words\n"                                                                                             \
        ".L" #NAME "_rest:\n"                                                                                                 \
        "lsls lr, lr, #29\n" /* carry: eight bytes more, sign: four */                                                        \
        "bcc .L" #NAME "_four\n"                                                                                              \
        "ldr r6, [r4, #4]\n"                                                                                                  \
        "ldr r5, [r4], #8\n" TM_WIDEN_WORD("r5", STEP) TM_WIDEN_WORD("r6", STEP)                                              \
        ".L" #NAME "_four:\n"                                                                                                 \
        "bpl .L" #NAME "_next\n"                                                                                              \
        "ldr r5, [r4]\n" TM_WIDEN_WORD("r5", STEP)                                                                            \
        ".L" #NAME "_next:\n"                                                                                                 \
        "add r1, r1, r9\n"                                                                                                    \
        "subs r3, r3, #1\n"                                                                                                   \
        "bne .L" #NAME "_row\n"                                                                                               \
        "pop {r4-r9, pc}\n");                                                                                                 \
  }
TM_WIDEN_RUNS(tm_widen_runs_2, "8")
TM_WIDEN_RUNS(tm_widen_runs_3, "12")
#undef TM_WIDEN_RUNS

/*
 * The same of three runs of nine bytes, the first layer of most networks, the ninth ones last. `pixels` windows, `step` bytes apart, each
 * to every third word, begin in neighbouring words.
 */
static __attribute__((naked, noinline, unused)) void tm_widen_nines(
    uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)), ptrdiff_t down __attribute__((unused)),
    ptrdiff_t step __attribute__((unused)), int32_t pixels __attribute__((unused))) {
#define TM_WIDEN_NINE(last)    \
  "ldr r4, [r1]\n"             \
  "ldr r5, [r1, #4]\n"         \
  "ldrsb " last ", [r1, #8]\n" TM_WIDEN_WORD("r4", "12") TM_WIDEN_WORD("r5", "12")
  __asm__ volatile(
      "push {r4-r9, lr}\n"
      "ldr r8, [sp, #28]\n"
      ".Ltm_widen_nines:\n"
      "add r9, r1, r3\n"
      TM_WIDEN_NINE("r6") "add r1, r1, r2\n" TM_WIDEN_NINE("r7") "add r1, r1, r2\n" TM_WIDEN_NINE("lr")
      "pkhbt r6, r6, lr, lsl #16\n"
      "str r7, [r0, #12]\n" /* the weights of the high half are 0, whatever stands there */
      "str r6, [r0], #-140\n"
      "mov r1, r9\n"
      "subs r8, r8, #1\n"
      "bne .Ltm_widen_nines\n"
      "pop {r4-r9, pc}\n");
#undef TM_WIDEN_NINE
}

/*
 * One pixel's window of `rows` runs of four bytes to every third word. Each word is shifted left, then right, then joined with `pad`,
 * for windows that the border cuts: their words are read from where they are inside.
 */
static __attribute__((naked, noinline, unused)) void tm_widen_words(
    uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)), int32_t rows __attribute__((unused)),
    ptrdiff_t down __attribute__((unused)), int32_t left __attribute__((unused)), int32_t right __attribute__((unused)),
    uint32_t pad __attribute__((unused))) {
#define TM_WIDEN_CUT(w)       \
  "lsls " w ", " w ", r5\n"   \
  "lsrs " w ", " w ", r6\n"   \
  "orrs " w ", " w ", r7\n" TM_WIDEN_WORD(w, "12")
  __asm__ volatile(
      "push {r4-r8, lr}\n"
      "ldr r5, [sp, #24]\n"
      "ldr r6, [sp, #28]\n"
      "ldr r7, [sp, #32]\n"
      "lsrs r2, r2, #1\n"
      "bcc .Ltm_widen_words_even\n"
      "ldr r4, [r1]\n"
      "add r1, r1, r3\n" TM_WIDEN_CUT("r4")
      ".Ltm_widen_words_even:\n"
      "cbz r2, .Ltm_widen_words_end\n"
      ".Ltm_widen_words:\n"
      "ldr r4, [r1]\n"
      "ldr r8, [r1, r3]\n"
      "add r1, r1, r3, lsl #1\n" TM_WIDEN_CUT("r4") TM_WIDEN_CUT("r8")
      "subs r2, r2, #1\n"
      "bne .Ltm_widen_words\n"
      ".Ltm_widen_words_end:\n"
      "pop {r4-r8, pc}\n");
#undef TM_WIDEN_CUT
}
#undef TM_WIDEN_WORD

/*
 * n bytes (a multiple of 4) of two pixels, alternating, as tm_widen_two of tm/widen_dsp.h has them, eight words to a store. Returns
 * the end of what was written.
 */
static __attribute__((naked, noinline, unused)) uint32_t *tm_widen_twos(uint32_t *dst __attribute__((unused)), const int8_t *x0 __attribute__((unused)),
                                                            const int8_t *x1 __attribute__((unused)), int32_t n __attribute__((unused))) {
#define TM_WIDEN_EIGHT                                                           \
  "ldr r6, [r1], #4\n ldr r10, [r1], #4\n"                              \
  "ldr r7, [r2], #4\n ldr r11, [r2], #4\n"                              \
  "sxtb16 r4, r6\n sxtb16 r5, r7\n sxtb16 r6, r6, ror #8\n sxtb16 r7, r7, ror #8\n" \
  "sxtb16 r8, r10\n sxtb16 r9, r11\n sxtb16 r10, r10, ror #8\n sxtb16 r11, r11, ror #8\n" \
  "stm r0!, {r4-r11}\n"
  __asm__ volatile(
      "push {r4-r11}\n"
      "lsls r12, r3, #29\n" /* carry: n & 8, sign: n & 4 */
      "bpl 1f\n"
      "ldr r6, [r1], #4\n"
      "ldr r7, [r2], #4\n"
      "sxtb16 r4, r6\n"
      "sxtb16 r5, r7\n"
      "sxtb16 r6, r6, ror #8\n"
      "sxtb16 r7, r7, ror #8\n"
      "stm r0!, {r4-r7}\n"
      "1:\n"
      "bcc 2f\n" TM_WIDEN_EIGHT
      "2:\n"
      "lsrs r3, r3, #4\n"
      "beq 4f\n"
      "3:\n" TM_WIDEN_EIGHT TM_WIDEN_EIGHT
      "subs r3, #1\n"
      "bne 3b\n"
      "4:\n"
      "pop {r4-r11}\n"
      "bx lr\n");
#undef TM_WIDEN_EIGHT
}

/* n bytes (a multiple of 4) of three pixels, `step` bytes apart, alternating as tm/widen_dsp.h says. */
static __attribute__((naked, noinline, unused)) void tm_widen_threes(uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)),
                                                                     ptrdiff_t step __attribute__((unused)), int32_t n __attribute__((unused))) {
#define TM_WIDEN_STEP          \
  "ldr r5, [r1, r2]\n"         \
  "ldr r6, [r1, r2, lsl #1]\n" \
  "ldr r4, [r1], #4\n"         \
  "sxtb16 r7, r4, ror #8\n"    \
  "sxtb16 r8, r5, ror #8\n"    \
  "sxtb16 r12, r6, ror #8\n"   \
  "sxtb16 r4, r4\n"            \
  "sxtb16 r5, r5\n"            \
  "sxtb16 r6, r6\n"            \
  "stm r0!, {r4-r8, r12}\n"
  __asm__ volatile(
      "push {r4-r8}\n"
      "lsrs r3, r3, #3\n" /* carry: four bytes more than eights */
      "bcc .Ltm_widen_threes_even\n" TM_WIDEN_STEP
      ".Ltm_widen_threes_even:\n"
      "cbz r3, .Ltm_widen_threes_end\n"
      ".Ltm_widen_threes_eight:\n" TM_WIDEN_STEP TM_WIDEN_STEP
      "subs r3, #1\n"
      "bne .Ltm_widen_threes_eight\n"
      ".Ltm_widen_threes_end:\n"
      "pop {r4-r8}\n"
      "bx lr\n");
#undef TM_WIDEN_STEP
}

/*
 * Three neighbours' windows of three columns of ci (a multiple of 8) channels, all inside: five pixels of each row, each widened once.
 */
static __attribute__((naked, noinline, unused)) void tm_widen_five(
    uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)), int32_t ci __attribute__((unused)),
    int32_t rows __attribute__((unused)), ptrdiff_t down __attribute__((unused))) {
/* four channels; r3: bytes of a column */
#define TM_WIDEN_STEP(to)           \
  "add lr, r1, r2, lsl #1\n"        \
  "ldr r5, [r1, r2]\n"              \
  "ldr r7, [lr, r2]\n"              \
  "ldr r8, [lr, r2, lsl #1]\n"      \
  "ldr r6, [lr]\n"                  \
  "ldr r4, [r1], #4\n"              \
  "sxtb16 r9, r4, ror #8\n"         \
  "sxtb16 r10, r5, ror #8\n"        \
  "sxtb16 r11, r6, ror #8\n"        \
  "sxtb16 r12, r7, ror #8\n"        \
  "sxtb16 lr, r8, ror #8\n"         \
  "sxtb16 r4, r4\n"                 \
  "sxtb16 r5, r5\n"                 \
  "sxtb16 r6, r6\n"                 \
  "sxtb16 r7, r7\n"                 \
  "sxtb16 r8, r8\n" to
#define TM_WIDEN_LEFT "stm r0, {r4-r6, r9-r11}\n"
#define TM_WIDEN_MIDDLE "stm r0, {r5-r7, r10-r12}\n"
  __asm__ volatile(
      "push {r3-r11, lr}\n"
      "ldr r4, [sp, #40]\n"
      "sub sp, #8\n" /* the row's end, what leads to the next row; rows left are above */
      "sub r4, r4, r2\n"
      "str r4, [sp, #4]\n"
      "add r3, r2, r2, lsl #1\n"
      "lsl r3, r3, #1\n"
      ".Ltm_widen_five_row:\n"
      "add r4, r1, r2\n"
      "str r4, [sp]\n"
      ".Ltm_widen_five:\n"
      TM_WIDEN_STEP(TM_WIDEN_LEFT "add r0, r0, r3\n" TM_WIDEN_MIDDLE "add r0, r0, r3\n" "stm r0!, {r6-r8, r11, r12, lr}\n")
      TM_WIDEN_STEP("stm r0, {r6-r8, r11, r12, lr}\n" "sub r0, r0, r3\n" TM_WIDEN_MIDDLE "sub r0, r0, r3\n" "stm r0!, {r4-r6, r9-r11}\n")
      "ldr r4, [sp]\n"
      "cmp r1, r4\n"
      "bne .Ltm_widen_five\n"
      "ldrd r4, r5, [sp, #4]\n"
      "add r0, r0, r3, lsl #1\n"
      "add r1, r1, r4\n"
      "subs r5, r5, #1\n"
      "str r5, [sp, #8]\n"
      "bne .Ltm_widen_five_row\n"
      "add sp, #8\n"
      "pop {r3-r11, pc}\n");
#undef TM_WIDEN_STEP
#undef TM_WIDEN_LEFT
#undef TM_WIDEN_MIDDLE
}

/* n bytes (a multiple of four) of one pixel, `rows` times, to every apart-th word. */
static inline uint32_t *tm_widen_runs(uint32_t *dst, const int8_t *x, int32_t n, int32_t rows, ptrdiff_t down, int32_t apart) {
  return apart == 3 ? tm_widen_runs_3(dst, x, n, rows, down) : tm_widen_runs_2(dst, x, n, rows, down);
}

/* n bytes of padding likewise. */
static __attribute__((unused)) uint32_t *tm_widen_pad(uint32_t *dst, int32_t pad, int32_t n, int32_t apart) {
  const uint32_t half = (uint32_t)pad & 0xffffu;
  const uint32_t word = half << 16 | half;
  for (; n > 0; n -= 4) {
    dst[0] = word;
    dst[apart] = word;
    dst += 2 * apart;
  }
  return dst;
}

/* `rows` runs of `run` bytes, `down` bytes apart: fours of each run first, what is left of all runs behind them, by way of `rest`. */
static __attribute__((unused)) void tm_widen_odd(uint32_t *dst, const int8_t *x, int32_t run, int32_t rows, ptrdiff_t down, int32_t apart, int8_t *rest) {
  if (apart == 3 && run == 9 && rows == 3) {
    tm_widen_nines(dst, x, down, 0, 1);
    return;
  }
  const int32_t fours = run & ~3;
  dst = tm_widen_runs(dst, x, fours, rows, down, apart);
  if (fours == run) {
    return;
  }
  int8_t *at = rest;
  for (; rows > 0; --rows, x += down) {
    for (int32_t k = fours; k < run; ++k) {
      *at++ = x[k];
    }
  }
  (void)tm_widen_runs(dst, rest, (int32_t)(at + 3 - rest) & ~3, 1, 0, apart);
}

#endif
#endif /* TM_WIDEN_ROWS_DSP_H */
