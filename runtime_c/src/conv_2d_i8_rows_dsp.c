/*
 * CONV_2D, int8, Armv7E-M, one row of the kernel after the other. Contract: tm/conv_2d_rows.h. Empty on other cores.
 *
 * The inner loop is that of tm/pair_job_dsp.h, but it begins with the sums that earlier rows of the kernel left in scratch and puts
 * them back. So only one row of two pixels' windows is widened at a time.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_rows.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/widen_dsp.h"

/* What the assembly below reads, in this order. */
typedef struct sum_job {
  const int32_t *w;
  int32_t *sums; /* per pair S0 and S0 + 256 * S1 of the first pixel, then of the second */
  const uint32_t *x;
  const int32_t *sums_end;
  const uint32_t *x_end;
  uint32_t entry; /* into the unrolled loop; 0: `x_end` is the number of groups of eight inputs, and entry is filled in */
} sum_job;

#define WORD(w, x0, x1)             \
  "smlad lr, " x1 ", " w ", lr\n"   \
  "smlad r3, " x0 ", " w ", r3\n"   \
  "sxtb16 " w ", " w "\n"           \
  "smlad r12, " x1 ", " w ", r12\n" \
  "smlad r2, " x0 ", " w ", r2\n"
#define FOUR(wa, wb) "ldm r0!, {r4-r7}\n" WORD(wa, "r4", "r5") WORD(wb, "r6", "r7")
#define EIGHT "ldm r1!, {r8-r11}\n" FOUR("r8", "r9") FOUR("r10", "r11")

/* Adds the products of one row of the kernel to the sums of all pairs. */
static __attribute__((naked, noinline)) void add_products(sum_job *job __attribute__((unused))) {
  __asm__ volatile(
      "ldr r3, [r0, #20]\n"
      "cbnz r3, 5f\n"
      "ldr r1, [r0, #16]\n"
      "adr r2, 6f\n"
      "and r1, r1, #3\n"
      "ldr r3, [r2, r1, lsl #2]\n"
      "str r3, [r0, #20]\n"
      "bx lr\n"
      "5:\n"
      "push {r4-r11, lr}\n"
      "sub sp, #20\n"
      "ldm r0, {r1-r6}\n"
      "stm sp, {r2-r6}\n"
      "7:\n"
      "ldrd r4, r0, [sp]\n"
      "ldm r4, {r2, r3, r12, lr}\n"
      "ldr pc, [sp, #16]\n"
      ".Ltm_rows_0:\n" EIGHT
      ".Ltm_rows_3:\n" EIGHT
      ".Ltm_rows_2:\n" EIGHT
      ".Ltm_rows_1:\n" EIGHT
      "ldr r4, [sp, #12]\n"
      "cmp r0, r4\n"
      "bne .Ltm_rows_0\n"
      "ldr r4, [sp]\n"
      "ldr r5, [sp, #8]\n"
      "stm r4!, {r2, r3, r12, lr}\n"
      "str r4, [sp]\n"
      "cmp r4, r5\n"
      "bne 7b\n"
      "add sp, #20\n"
      "pop {r4-r11, pc}\n"
      ".balign 4\n"
      "6:\n"
      ".word .Ltm_rows_0+1, .Ltm_rows_1+1, .Ltm_rows_2+1, .Ltm_rows_3+1\n");
}

#undef WORD
#undef FOUR
#undef EIGHT

/* n bytes of padding, widened as tm_widen_one does. */
static uint32_t *widen_pad(uint32_t *dst, int32_t pad, int32_t n) {
  const uint32_t half = (uint32_t)pad & 0xffffu;
  const uint32_t word = half << 16 | half;
  for (; n > 0; n -= 2) {
    *dst = word;
    dst += 2;
  }
  return dst;
}

/* One row of a pixel's window, which begins in row iy (NULL: outside) and column ix of x, widened. */
static void widen_run(const tm_conv_2d_i8_rows_params *p, const int8_t *row, uint32_t *dst, int32_t ix) {
  const int32_t ci = p->in.c;
  if (row == NULL) {
    (void)widen_pad(dst, p->pad_value, p->kernel_w * ci);
    return;
  }
  for (int32_t kx = 0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
    if (ix >= 0 && ix < p->in.w) {
      dst = tm_widen_one(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci);
    } else {
      dst = widen_pad(dst, p->pad_value, ci);
    }
  }
}

/* (add + scaled * mult / 2^32, halves up where `round`) >> shift, in the range of int8; q: mult, add, shift. */
static inline int8_t requantise(int32_t scaled, const int32_t *q, int any_sign) {
  const int64_t half = any_sign ? (int64_t)1 << 31 : 0;
  const int64_t sum = (int64_t)scaled * q[0] + half + (int64_t)q[1] * ((int64_t)1 << 32);
  const int32_t t = (int32_t)(sum >> 32) + (any_sign && scaled < 0 ? -1 : 0);
  return (int8_t)tm_clamp_i32(t >> q[2], INT8_MIN, INT8_MAX);
}

/* Two channels of a pixel from S0 and S0 + 256 * S1. */
static inline void put(int8_t *y, const int32_t *sums, const int32_t *q, int any_sign) {
  const int32_t second = (int32_t)((uint32_t)sums[1] - (uint32_t)sums[0]); /* 256 * S1 */
  y[0] = requantise((int32_t)((uint32_t)sums[0] << (any_sign ? 1 : 8)), q, any_sign);
  y[1] = requantise(any_sign ? second >> 7 : second, q + 3, any_sign);
}

tm_status tm_conv_2d_i8_rows_dsp(const tm_conv_2d_i8_rows_params *p, const int8_t *x, const int32_t *w, const int32_t *q, int8_t *y,
                                 void *scratch) {
  if (p == NULL || x == NULL || w == NULL || q == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  if (p->out.c < 2 || ci % 4 != 0 || run % 8 != 0) {
    return TM_ERR_SHAPE;
  }
  const int32_t pairs = (p->out.c + 1) / 2;
  uint32_t *wide = (uint32_t *)scratch;
  int32_t *sums = (int32_t *)(wide + run);
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  sum_job job = {w, sums, wide, sums, NULL, 0};
  job.x_end = (const uint32_t *)(uintptr_t)(run / 8);
  add_products(&job);
  job.x_end = wide + run;
  job.sums_end = sums + 4 * pairs;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *out = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ox += 2, out += 2 * p->out.px_stride) {
      const int two = ox + 1 < p->out.w;
      const int32_t ix = ox * p->stride_w - p->pad_left;
      const int32_t next = two ? ix + p->stride_w : ix;
      const int inside = joined && ix >= 0 && next + p->kernel_w <= p->in.w;
      for (int32_t k = 0; k < pairs; ++k) {
        sums[4 * k] = sums[4 * k + 2] = q[8 * k];
        sums[4 * k + 1] = sums[4 * k + 3] = q[8 * k + 1];
      }
      job.w = w;
      for (int32_t ky = 0, iy = oy * p->stride_h - p->pad_top; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
        const int8_t *row = iy >= 0 && iy < p->in.h ? x + tm_row_offset(&p->in, iy) : NULL;
        if (inside && row != NULL) {
          (void)tm_widen_two(wide, row + (ptrdiff_t)ix * ci, row + (ptrdiff_t)next * ci, run);
        } else {
          widen_run(p, row, wide, ix);
          widen_run(p, row, wide + 1, next);
        }
        job.sums = sums;
        add_products(&job);
        job.w += (ptrdiff_t)pairs * (run / 2);
      }
      for (int32_t k = 0; k < pairs; ++k) {
        int8_t *at = out + tm_min_i32(2 * k, p->out.c - 2);
        put(at, sums + 4 * k, q + 8 * k + 2, p->any_sign);
        if (two) {
          put(at + p->out.px_stride, sums + 4 * k + 2, q + 8 * k + 2, p->any_sign);
        }
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_rows_dsp_not_built;
#endif
