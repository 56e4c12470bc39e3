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
 * Two pixels' widened inputs from `rows` runs of `run` bytes: fours of each run first, what is left of all runs behind them.
 * x0, x1: the pixels' first runs; step0, step1: from one run to the next; rest: room for twice what is left, in fours.
 */
static __attribute__((noinline)) void tm_widen_rows(uint32_t *dst, const int8_t *x0, const int8_t *x1, ptrdiff_t step0,
                                                 ptrdiff_t step1, int32_t rows, int32_t run, int8_t *rest) {
  const int32_t fours = run & ~3;
  const int32_t rest_bytes = (rows * (run & 3) + 3) & ~3;
  int8_t *at = rest;
  for (; rows > 0; --rows) {
    dst = tm_widen_two(dst, x0, x1, fours);
    for (int32_t k = fours; k < run; ++k) {
      at[rest_bytes] = x1[k];
      *at++ = x0[k];
    }
    x0 += step0;
    x1 += step1;
  }
  if (rest_bytes != 0) {
    (void)tm_widen_two(dst, rest, rest + rest_bytes, rest_bytes);
  }
}

static __attribute__((noinline)) uint32_t *tm_widen_threes(uint32_t *dst, const int8_t *x0, const int8_t *x1, const int8_t *x2,
                                                           int32_t n) {
  return tm_widen_three(dst, x0, x1, x2, n);
}

/* The same of three neighbours' windows of three columns, ci (a multiple of 8) channels each: five pixels, each widened once. */
static __attribute__((naked, noinline)) uint32_t *tm_widen_five(uint32_t *dst __attribute__((unused)), const int8_t *x __attribute__((unused)),
                                                                int32_t ci __attribute__((unused))) {
/* four channels; r3: bytes of a column */
#define TM_WIDEN_STEP               \
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
  "sxtb16 r8, r8\n"                 \
  "stm r0, {r4-r6, r9-r11}\n"       \
  "add r0, r0, r3\n"                \
  "stm r0, {r5-r7, r10-r12}\n"      \
  "add r0, r0, r3\n"                \
  "stm r0!, {r6-r8, r11, r12, lr}\n" \
  "sub r0, r0, r3, lsl #1\n"
  __asm__ volatile(
      "push {r3-r11, lr}\n"
      "add r3, r1, r2\n"
      "str r3, [sp]\n"
      "add r3, r2, r2, lsl #1\n"
      "lsl r3, r3, #1\n"
      ".Ltm_widen_five:\n" TM_WIDEN_STEP TM_WIDEN_STEP
      "ldr r4, [sp]\n"
      "cmp r1, r4\n"
      "bne .Ltm_widen_five\n"
      "add r0, r0, r3, lsl #1\n"
      "pop {r3-r11, pc}\n");
#undef TM_WIDEN_STEP
}

/*
 * Three pixels' widened inputs from `rows` runs of `run` bytes: a multiple of four, or nine in three rows, the first layer of most
 * networks. advance: from pixel to pixel, down: to the next run.
 */
static void tm_widen_three_rows(uint32_t *dst, const int8_t *x, ptrdiff_t advance, ptrdiff_t down, int32_t rows, int32_t run) {
  const int five = run == 3 * advance && advance % 8 == 0;
  const int8_t *row = x;
  for (; rows > 0; --rows, row += down) {
    dst = five ? tm_widen_five(dst, row, (int32_t)advance) : tm_widen_threes(dst, row, row + advance, row + 2 * advance, run & ~3);
  }
  if (run == 9) {
    for (int32_t k = 0; k < 3; ++k, x += advance) {
      dst[k] = ((uint32_t)x[8] & 0xffffu) | (uint32_t)x[8 + 2 * down] << 16;
      dst[3 + k] = (uint32_t)x[8 + down]; /* the weights of the high half are 0, whatever stands there */
    }
  }
}

#endif
#endif /* TM_WIDEN_ROWS_DSP_H */
