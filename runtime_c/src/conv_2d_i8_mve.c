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
  int32_t step;          /* from the end of a row's chunks to the next row */
  int32_t rest;          /* bytes behind the chunks of the last row, 0..15 */
  const int32_t *w;      /* stream, at the first group to compute */
  int32_t zero_point, lo, hi;
  int8_t *y0, *y1; /* output pixels, at the first channel to compute */
  const int8_t *y0_end;
  int32_t x_step; /* to the next pair */
  int32_t y_step;
  int32_t y_next; /* from y0_end to the next pair's y0 */
  int32_t pairs;
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
        "sub sp, #68\n"                                                                       \
        "mov r12, sp\n"                                                                       \
        "ldm r0!, {r1-r10}\n"                                                                 \
        "stm r12!, {r1-r10}\n"                                                                \
        "vdup.32 q5, r8\n"                                                                    \
        "vdup.32 q6, r9\n"                                                                    \
        "vdup.32 q7, r10\n"                                                                   \
        "mov r11, r5\n"                                                                       \
        "mov r5, r7\n"                                                                        \
        "ldm r0, {r1-r4, r6-r8}\n"                                                            \
        "stm r12, {r1-r4, r6-r8}\n"                                                           \
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
        "vctp.8 r7\n" /* bytes beyond count as 0 and are not read */                          \
        "vpstt\n"                                                                             \
        "vldrbt.8 q0, [r1]\n"                                                                 \
        "vldrbt.8 q1, [r3]\n" CHANNELS("\nadd r5, r7")                                        \
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
        "ldr r7, [sp, #64]\n"                                                                 \
        "subs r7, #1\n"                                                                       \
        "beq .L" #NAME "_end\n"                                                               \
        "ldrd r6, r8, [sp, #52]\n"                                                            \
        "ldr r10, [sp, #60]\n"                                                                \
        "ldrd r2, r4, [sp]\n"                                                                 \
        "adds r0, r0, r8\n"                                                                   \
        "adds r2, r2, r6\n"                                                                   \
        "adds r4, r4, r6\n"                                                                   \
        "adds r1, r1, r10\n"                                                                  \
        "adds r3, r3, r10\n"                                                                  \
        "ldr r5, [sp, #24]\n"                                                                 \
        "strd r2, r4, [sp]\n"                                                                 \
        "strd r1, r3, [sp, #40]\n"                                                            \
        "str r0, [sp, #48]\n"                                                                 \
        "str r7, [sp, #64]\n"                                                                 \
        "b .L" #NAME "_group\n"                                                               \
        ".L" #NAME "_end:\n"                                                                  \
        "add sp, #68\n"                                                                       \
        "vpop {d8-d15}\n"                                                                     \
        "pop {r4-r11, pc}\n");                                                                \
  }

BLOCKS(tm_blocks_exact, EXACT)
BLOCKS(tm_blocks_positive, POSITIVE)

/* `rows` runs of n bytes, `down` apart, one behind the other to dst. */
static void copy_rows(int8_t *dst, const int8_t *src, int32_t down, int32_t rows, int32_t n) {
  for (; rows > 0; --rows) {
    dst = tm_copy_bytes_mve(dst, src, n);
    src += down;
  }
}

/* The same of two windows, to dst and behind it. */
static void copy_two(int8_t *dst, const int8_t *x0, const int8_t *x1, int32_t down, int32_t rows, int32_t n) {
  int8_t *dst1 = dst + rows * n;
  if (n > 16) {
    copy_rows(dst, x0, down, rows, n);
    copy_rows(dst1, x1, down, rows, n);
    return;
  }
  __asm__ volatile(
      "vctp.8 %[n]\n"
      "dls lr, %[rows]\n"
      "1: vpstttt\n"
      "vldrbt.8 q0, [%[x0]]\n"
      "vldrbt.8 q1, [%[x1]]\n"
      "vstrbt.8 q0, [%[dst]]\n"
      "vstrbt.8 q1, [%[dst1]]\n"
      "add %[x0], %[down]\n"
      "add %[x1], %[down]\n"
      "add %[dst], %[n]\n"
      "add %[dst1], %[n]\n"
      "le lr, 1b\n"
      : [dst] "+r"(dst), [dst1] "+r"(dst1), [x0] "+r"(x0), [x1] "+r"(x1)
      : [down] "r"(down), [rows] "r"(rows), [n] "r"(n)
      : "d0", "d1", "d2", "d3", "lr", "cc", "memory");
}

/* The bytes, padding included, of a window that begins at input row iy0 and column ix0 and is not wholly inside. */
static void gather(const tm_conv_2d_i8_mve_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  /* columns [left, right) of a row are inside, neighbours where joined */
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  (void)tm_fill_bytes_mve(dst, p->pad_value, p->kernel_h * run);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy >= 0 && iy < p->in.h) {
      const int8_t *row = x + tm_row_offset(&p->in, iy);
      if (joined) {
        (void)tm_copy_bytes_mve(dst + left * ci, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      } else {
        for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
          if (ix >= 0 && ix < p->in.w) {
            (void)tm_copy_bytes_mve(dst + kx * ci, row + (ptrdiff_t)ix * p->in.px_stride, ci);
          }
        }
      }
    }
    dst += run;
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

/* n pixels on, which are all in the same row. */
static void step(const tm_conv_2d_i8_mve_params *p, const int8_t *x, int8_t *y, pixel *at, int32_t n) {
  at->x += (ptrdiff_t)n * p->stride_w * p->in.px_stride;
  at->y += (ptrdiff_t)n * p->out.px_stride;
  at->ix += n * p->stride_w;
  at->ox += n;
  if (at->ox == p->out.w && ++at->oy < p->out.h) {
    at->iy += p->stride_h;
    begin_row(p, x, y, at);
  }
}

/* One pair, whose windows are k bytes each, one behind the other. */
static void gathered_job(block_job *job, const int8_t *gathered, int32_t k) {
  job->x0 = gathered;
  job->x1 = gathered + k;
  job->rows = 1;
  job->chunks = k / 16;
  job->rest = k % 16;
  job->pairs = 1;
}

/* All channels of the job's pairs; the job stays as it is. */
static void all_channels(const tm_conv_2d_i8_mve_params *p, block_job *job, const int32_t *w, int32_t group_words) {
  void (*const blocks)(block_job *) = p->positive != 0 ? tm_blocks_positive : tm_blocks_exact;
  const int32_t co = p->out.c;
  const int32_t fours = co & ~3;
  job->w = w;
  job->y0_end = job->y0 + fours;
  job->y_next = job->y_step - fours;
  blocks(job);
  if (fours != co) {
    job->w = w + (ptrdiff_t)(fours / 4) * group_words;
    job->y0_end = job->y0 + co;
    job->y0 += co - 4;
    job->y1 += co - 4;
    job->y_next = job->y_step - 4;
    blocks(job);
    job->y0 -= co - 4;
    job->y1 -= co - 4;
  }
}

tm_status tm_conv_2d_i8_mve(const tm_conv_2d_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out.c < 4) {
    return TM_ERR_SHAPE;
  }
  const int32_t run = p->kernel_w * p->in.c;
  const int32_t k = p->kernel_h * run;
  const int32_t group_words = 12 + k;
  const int32_t down = p->dilation_h * p->in.row_stride;
  /* windows that begin in columns [0, columns) are inside, and their rows are runs of bytes */
  const int joined = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == p->in.c);
  const int32_t columns = joined ? p->in.w - (p->kernel_w - 1) : 0;
  const int in_place = p->kernel_h == 1 || run % 16 == 0;
  int8_t *const gathered = (int8_t *)scratch;
  const int32_t advance_x = p->stride_w * p->in.px_stride;
  block_job job = {NULL, NULL, 1, 0, down - run, 0, w, p->out_zero_point, p->clamp_lo, p->clamp_hi, NULL, NULL, NULL,
                   2 * advance_x, 2 * p->out.px_stride, 0, 1};
  pixel at = {0, 0, -p->pad_top, 0, 0, NULL, NULL};
  int32_t left = p->out.h * p->out.w;
  if (left > 0) {
    begin_row(p, x, y, &at);
  }
  while (left > 0) {
    int inside = at.rows_inside && at.ix >= 0 && at.ix < columns;
    /* neighbours inside */
    const int32_t pairs = inside ? tm_min_i32((columns - 1 - at.ix) / p->stride_w + 1, p->out.w - at.ox) / 2 : 0;
    if (pairs > 0) {
      const int8_t *x0 = at.x;
      job.x0 = x0;
      job.x1 = x0 + advance_x;
      job.y0 = at.y;
      job.y1 = at.y + p->out.px_stride;
      if (in_place) {
        job.rows = p->kernel_h;
        job.chunks = run / 16;
        job.rest = run % 16;
        job.pairs = pairs;
        all_channels(p, &job, w, group_words);
      } else {
        gathered_job(&job, gathered, k);
        for (int32_t i = pairs; i > 0; --i) {
          copy_two(gathered, x0, x0 + advance_x, down, p->kernel_h, run);
          all_channels(p, &job, w, group_words);
          x0 += 2 * advance_x;
          job.y0 += job.y_step;
          job.y1 += job.y_step;
        }
      }
      step(p, x, y, &at, 2 * pairs);
      left -= 2 * pairs;
      continue;
    }
    /* any two pixels, copied before the first one's row is written; where there is no second one, the first one twice */
    gathered_job(&job, gathered, k);
    job.y0 = at.y;
    for (int32_t i = 0; i < 2 && left > 0; ++i, --left) {
      int8_t *dst = gathered + i * k;
      inside = at.rows_inside && at.ix >= 0 && at.ix < columns;
      if (inside) {
        copy_rows(dst, at.x, down, p->kernel_h, run);
      } else {
        gather(p, x, dst, at.iy, at.ix);
      }
      job.x1 = dst;
      job.y1 = at.y;
      step(p, x, y, &at, 1);
    }
    all_channels(p, &job, w, group_words);
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_mve_not_built;
#endif
