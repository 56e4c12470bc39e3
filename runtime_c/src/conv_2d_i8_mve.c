/*
 * CONV_2D, int8, Armv8.1-M with Helium. Contract: tm/conv_2d_mve.h. Empty on other cores.
 *
 * Two pixels and four output channels share their loads: six of them and eight VMLADAVA are 128 products in sixteen
 * instructions. The eight sums live in the even registers that VMLADAVA can add to, which leaves none for a hardware loop.
 * Windows whose rows are runs of a multiple of 16 bytes are read where they lie, others are gathered into scratch first.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/bytes_mve.h"

/* What the assembly below reads, in this order. */
typedef struct block_job {
  const int8_t *x0, *x1; /* the two windows */
  int32_t rows;          /* of a window */
  int32_t chunks;        /* of 16 bytes in a row */
  int32_t step;          /* from the end of a row to the next one */
  int32_t rest;          /* bytes behind the chunks of the last row, followed by zeros; 0..15 */
  const int32_t *w;      /* stream, at the first group to compute */
  int32_t zero_point, lo, hi;
  int8_t *y0, *y1; /* output pixels, at the first channel to compute */
  const int8_t *y0_end;
} block_job;

/* Sums of pixel 0 in r0, r2, r4, r6, of pixel 1 in r8, r10, r12, lr; r1, r3: windows, r5: stream. */
#define CHANNEL(q, next, a, b)           \
  "vldrb.8 " q ", [r5]" next "\n"        \
  "vmladava.s8 " a ", q0, " q "\n"       \
  "vmladava.s8 " b ", q1, " q "\n"
#define CHANNELS(next)                   \
  CHANNEL("q2", next, "r0", "r8")        \
  CHANNEL("q3", next, "r2", "r10")       \
  CHANNEL("q2", next, "r4", "r12")       \
  CHANNEL("q3", next, "r6", "lr")

#define EXACT(acc, q)                    \
  "vqrdmulh.s32 " q ", " acc ", q2\n"    \
  "vshr.s32 " acc ", " acc ", #31\n"     \
  "vadd.i32 " q ", " q ", " acc "\n"
#define POSITIVE(acc, q) "vqrdmulh.s32 " q ", " acc ", q2\n"

#define OUTPUT(ROUND, acc, y)            \
  ROUND(acc, "q4")                       \
  "vrshl.s32 q4, q4, q3\n"               \
  "vadd.i32 q4, q4, q5\n"                \
  "vmax.s32 q4, q4, q6\n"                \
  "vmin.s32 q4, q4, q7\n"                \
  "vstrb.32 q4, [" y "], #4\n"

#define BLOCKS(NAME, ROUND)                                                                   \
  static __attribute__((naked, noinline)) void NAME(block_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                         \
        "push {r4-r11, lr}\n"                                                                 \
        "vpush {d8-d15}\n"                                                                    \
        "sub sp, #52\n"                                                                       \
        "mov r12, sp\n"                                                                       \
        "ldm r0!, {r1-r10}\n"                                                                 \
        "stm r12!, {r1-r10}\n"                                                                \
        "vdup.32 q5, r8\n"                                                                    \
        "vdup.32 q6, r9\n"                                                                    \
        "vdup.32 q7, r10\n"                                                                   \
        "mov r11, r5\n"                                                                       \
        "mov r5, r7\n"                                                                        \
        "ldm r0, {r1, r3, r4}\n"                                                              \
        "stm r12, {r1, r3, r4}\n"                                                             \
        ".L" #NAME "_group:\n"                                                                \
        "ldm r5!, {r0, r2, r4, r6}\n"                                                         \
        "ldrd r1, r3, [sp]\n"                                                                 \
        "ldrd r9, r7, [sp, #8]\n"                                                             \
        "mov r8, r0\n"                                                                        \
        "mov r10, r2\n"                                                                       \
        "mov r12, r4\n"                                                                       \
        "mov lr, r6\n"                                                                        \
        "cbz r7, .L" #NAME "_rest\n"                                                          \
        ".L" #NAME "_chunk:\n"                                                                \
        "vldrb.8 q0, [r1], #16\n"                                                             \
        "vldrb.8 q1, [r3], #16\n" CHANNELS(", #16")                                           \
        "subs r7, #1\n"                                                                       \
        "bne .L" #NAME "_chunk\n"                                                             \
        "subs r9, #1\n"                                                                       \
        "beq .L" #NAME "_rest\n"                                                              \
        "add r1, r11\n"                                                                       \
        "add r3, r11\n"                                                                       \
        "ldr r7, [sp, #12]\n"                                                                 \
        "b .L" #NAME "_chunk\n"                                                               \
        ".L" #NAME "_rest:\n"                                                                 \
        "ldr r7, [sp, #20]\n"                                                                 \
        "cbz r7, .L" #NAME "_output\n"                                                        \
        "vldrb.8 q0, [r1]\n"                                                                  \
        "vldrb.8 q1, [r3]\n" CHANNELS("\nadd r5, r7")                                         \
        ".L" #NAME "_output:\n"                                                               \
        "vmov q0[2], q0[0], r0, r4\n"                                                         \
        "vmov q0[3], q0[1], r2, r6\n"                                                         \
        "vmov q1[2], q1[0], r8, r12\n"                                                        \
        "vmov q1[3], q1[1], r10, lr\n"                                                        \
        "vldrw.32 q2, [r5], #16\n"                                                            \
        "vldrw.32 q3, [r5], #16\n"                                                            \
        "ldrd r1, r3, [sp, #40]\n" OUTPUT(ROUND, "q0", "r1") OUTPUT(ROUND, "q1", "r3")        \
        "ldr r0, [sp, #48]\n"                                                                 \
        "strd r1, r3, [sp, #40]\n"                                                            \
        "cmp r1, r0\n"                                                                        \
        "bne .L" #NAME "_group\n"                                                             \
        "add sp, #52\n"                                                                       \
        "vpop {d8-d15}\n"                                                                     \
        "pop {r4-r11, pc}\n");                                                                \
  }

BLOCKS(tm_blocks_exact, EXACT)
BLOCKS(tm_blocks_positive, POSITIVE)

/* The window's bytes at input row iy0 and column ix0, kernel_h rows of kernel_w pixels, padding included. */
static __attribute__((noinline)) void gather(const tm_conv_2d_i8_mve_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  /* columns [left, right) of a row are inside and neighbours */
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = tm_fill_bytes_mve(dst, p->pad_value, p->kernel_w * ci);
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      dst = tm_fill_bytes_mve(dst, p->pad_value, left * ci);
      dst = tm_copy_bytes_mve(dst, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      dst = tm_fill_bytes_mve(dst, p->pad_value, (p->kernel_w - right) * ci);
      continue;
    }
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (ix >= 0 && ix < p->in.w) {
        dst = tm_copy_bytes_mve(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci);
      } else {
        dst = tm_fill_bytes_mve(dst, p->pad_value, ci);
      }
    }
  }
}

/* An output pixel, its window's first row and column, and where both are in memory. */
typedef struct pixel {
  int32_t oy, ox, iy, ix;
  int rows_inside; /* the window's rows are inside and follow each other without a ring's seam */
  const int8_t *x;
  int8_t *y;
} pixel;

static void begin_row(const tm_conv_2d_i8_mve_params *p, const int8_t *x, int8_t *y, pixel *at) {
  const int32_t last = at->iy + (p->kernel_h - 1) * p->dilation_h;
  at->ox = 0;
  at->ix = -p->pad_left;
  at->rows_inside = at->iy >= 0 && last < p->in.h && tm_row(&p->in, last) - tm_row(&p->in, at->iy) == last - at->iy;
  at->x = (at->rows_inside ? x + tm_row_offset(&p->in, at->iy) : x) - (ptrdiff_t)p->pad_left * p->in.px_stride;
  at->y = y + tm_row_offset(&p->out, at->oy);
}

static void advance(const tm_conv_2d_i8_mve_params *p, const int8_t *x, int8_t *y, pixel *at) {
  at->x += (ptrdiff_t)p->stride_w * p->in.px_stride;
  at->y += p->out.px_stride;
  at->ix += p->stride_w;
  if (++at->ox == p->out.w && ++at->oy < p->out.h) {
    at->iy += p->stride_h;
    begin_row(p, x, y, at);
  }
}

/* The window's bytes, inside and in runs of `run`, one behind the other. */
static int8_t *copy_rows(int8_t *dst, const int8_t *src, int32_t rows, int32_t run, ptrdiff_t down) {
  for (; rows > 0; --rows) {
    dst = tm_copy_bytes_mve(dst, src, run);
    src += down;
  }
  return dst;
}

tm_status tm_conv_2d_i8_mve(const tm_conv_2d_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t ci = p->in.c;
  const int32_t co = p->out.c;
  if (co < 4) {
    return TM_ERR_SHAPE;
  }
  const int32_t run = p->kernel_w * ci;
  const int32_t k = p->kernel_h * run;
  const int32_t padded = (k + 15) & ~15;
  const int32_t down = p->dilation_h * p->in.row_stride;
  const int32_t fours = co & ~3;
  const int32_t *last = w + (ptrdiff_t)(fours / 4) * (12 + k);
  /* windows that begin in columns [0, columns) are inside, and their rows are runs of bytes */
  const int joined = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == ci);
  const int32_t columns = joined ? p->in.w - (p->kernel_w - 1) : 0;
  const int in_place = run % 16 == 0;
  void (*const blocks)(block_job *) = p->positive != 0 ? tm_blocks_positive : tm_blocks_exact;
  int8_t *gathered[2];
  gathered[0] = (int8_t *)scratch;
  gathered[1] = gathered[0] + padded;
  for (int32_t i = 0; i < 2; ++i) {
    (void)tm_fill_bytes_mve(gathered[i] + k, 0, padded - k);
  }
  block_job job = {NULL, NULL, 1, 0, 0, 0, w, p->out_zero_point, p->clamp_lo, p->clamp_hi, NULL, NULL, NULL};
  pixel at = {0, 0, -p->pad_top, 0, 0, NULL, NULL};
  if (p->out.h > 0 && p->out.w > 0) {
    begin_row(p, x, y, &at);
  }
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    const pixel first = at;
    advance(p, x, y, &at);
    const int inside0 = first.rows_inside && first.ix >= 0 && first.ix < columns;
    const int single = left == 1; /* no second pixel: the first one's inputs, and its outputs written twice */
    const int inside1 = single ? inside0 : at.rows_inside && at.ix >= 0 && at.ix < columns;
    job.y0 = first.y;
    job.y1 = single ? first.y : at.y;
    if (in_place && inside0 && inside1) {
      job.x0 = first.x;
      job.x1 = single ? first.x : at.x;
      job.rows = p->kernel_h;
      job.chunks = run / 16;
      job.step = down - run;
      job.rest = 0;
    } else {
      if (inside0) {
        (void)copy_rows(gathered[0], first.x, p->kernel_h, run, down);
      } else {
        gather(p, x, gathered[0], first.iy, first.ix);
      }
      if (single) {
      } else if (inside1) {
        (void)copy_rows(gathered[1], at.x, p->kernel_h, run, down);
      } else {
        gather(p, x, gathered[1], at.iy, at.ix);
      }
      job.x0 = gathered[0];
      job.x1 = gathered[single ? 0 : 1];
      job.rows = 1;
      job.chunks = k / 16;
      job.rest = k % 16;
    }
    if (!single) {
      advance(p, x, y, &at);
    }
    job.w = w;
    job.y0_end = job.y0 + fours;
    blocks(&job);
    if (fours != co) {
      job.w = last;
      job.y0_end = job.y0 + co;
      job.y0 += co - 4;
      job.y1 += co - 4;
      blocks(&job);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_mve_not_built;
#endif
