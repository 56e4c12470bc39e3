/*
 * DEPTHWISE_CONV_2D, int8, Armv7E-M, windows of 3, 5 or 7 rows. Contract: tm/depthwise_conv_2d_columns.h. Empty on other cores.
 *
 * For one output row and four channels, the window's rows are widened and paired once per column: a column is, per two rows,
 * four words (one a channel) and two words for the last row. A window is then KW neighbouring columns, which SMLAD walks with
 * the weights beside them. Windows overlap in a row, so a column serves KW / stride of them.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_columns.h"

/* What a firmware whose network does not need it is built without (-D...=0): layers of one form of requantisation, windows of a height. */
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_ONE_SIGN
#define TM_DEPTHWISE_CONV_2D_COLUMNS_ONE_SIGN 1
#endif
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_ANY_SIGN
#define TM_DEPTHWISE_CONV_2D_COLUMNS_ANY_SIGN 1
#endif
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_3
#define TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_3 1
#endif
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_5
#define TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_5 1
#endif
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_7
#define TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_7 1
#endif

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct row_job {
  const uint32_t *x;      /* first window's first column */
  const int32_t *w;       /* stream, at the group */
  int8_t *y;              /* first output pixel, at the group's first channel */
  ptrdiff_t y_step;       /* from pixel to pixel */
  ptrdiff_t x_step;       /* bytes from a window's end to the next one's begin */
  const int8_t *y_end;
  const int32_t *w_end;   /* behind the group's weights */
} row_job;

/* Three rows, all of the row's groups: what rows3x3 reads, in this order. */
typedef struct groups_job {
  row_job row; /* of the first group */
  const uint32_t *columns;
  const int8_t *in[3];        /* the window's rows, at the first group */
  ptrdiff_t step[3];          /* from pixel to pixel; 0 in a row of padding */
  uint32_t *inside;           /* first column that is not padding */
  int32_t n;                  /* columns that are not padding, > 0 */
  ptrdiff_t group_step[3];    /* from group to group */
  int32_t group_bytes;        /* of the stream */
  int32_t groups;
  int8_t *y;                  /* as row.y, which moves on with the pixels */
} groups_job;

/* r0: columns, r1: stream; sums in r2-r5. */
#define TWO_ROWS             \
  "ldm r0!, {r6-r9}\n"       \
  "ldm r1!, {r10-r12, lr}\n" \
  "smlad r2, r6, r10, r2\n"  \
  "smlad r3, r7, r11, r3\n"  \
  "smlad r4, r8, r12, r4\n"  \
  "smlad r5, r9, lr, r5\n"
#define LAST_ROW              \
  "ldrd r6, r7, [r0], #8\n"   \
  "ldrd r10, r11, [r1], #8\n" \
  "smlabb r2, r6, r10, r2\n"  \
  "smlabb r3, r7, r11, r3\n"  \
  "smlatt r4, r6, r10, r4\n"  \
  "smlatt r5, r7, r11, r5\n"

#define ONE_SIGN(x, m, c, e) "smmla " x ", " x ", " m ", " c "\n asr " x ", " x ", " e "\n ssat " x ", #8, " x "\n"
#define ANY_SIGN(x, m, c, e) \
  "smmlar lr, " x ", " m ", " c "\n add lr, lr, " x ", asr #31\n asr lr, lr, " e "\n ssat " x ", #8, lr\n"

/* All pixels of one group; r0: columns, r1: stream. */
#define PIXELS(NAME, WINDOW, OUTPUT)                                    \
        ".L" #NAME "_pixel:\n"                                          \
        "ldm r1!, {r2-r5}\n" WINDOW(#NAME)                              \
        "ldm r1!, {r6-r11}\n"                                           \
        OUTPUT("r2", "r6", "r7", "r8") OUTPUT("r3", "r9", "r10", "r11") \
        "ldm r1!, {r6-r11}\n"                                           \
        OUTPUT("r4", "r6", "r7", "r8") OUTPUT("r5", "r9", "r10", "r11") \
        "ldrd r6, r7, [sp, #8]\n"                                       \
        "ldrd r8, r9, [sp, #16]\n"                                      \
        "ldr r1, [sp, #4]\n"                                            \
        "strb r2, [r6]\n"                                               \
        "strb r3, [r6, #1]\n"                                           \
        "strb r4, [r6, #2]\n"                                           \
        "strb r5, [r6, #3]\n"                                           \
        "add r6, r6, r7\n"                                              \
        "add r0, r0, r8\n"                                              \
        "str r6, [sp, #8]\n"                                            \
        "cmp r6, r9\n"                                                  \
        "bne .L" #NAME "_pixel\n"

#define ROW(NAME, WINDOW, OUTPUT)                                                           \
  static __attribute__((naked, noinline, unused)) void NAME(row_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                       \
        "push {r4-r11, lr}\n"                                                               \
        "sub sp, #28\n"                                                                     \
        "ldm r0, {r0-r6}\n"                                                                 \
        "stm sp, {r0-r6}\n"                                                                 \
        PIXELS(NAME, WINDOW, OUTPUT)                                                        \
        "add sp, #28\n"                                                                     \
        "pop {r4-r11, pc}\n");                                                              \
  }

/* One pixel of three rows at r0-r2, r3-r5 from pixel to pixel, becomes a column at r6. */
#define WIDEN_COLUMN               \
  "ldr r10, [r0]\n"                \
  "ldr r11, [r1]\n"                \
  "ldr lr, [r2]\n"                 \
  "add r0, r0, r3\n"               \
  "add r1, r1, r4\n"               \
  "add r2, r2, r5\n"               \
  "pkhbt r9, r10, r11, lsl #16\n"  \
  "pkhtb r11, r11, r10, asr #16\n" \
  "sxtb16 r8, r9\n"                \
  "sxtb16 r9, r9, ror #8\n"        \
  "sxtb16 r10, r11\n"              \
  "sxtb16 r11, r11, ror #8\n"      \
  "sxtb16 r12, lr\n"               \
  "sxtb16 lr, lr, ror #8\n"        \
  "stm r6!, {r8-r12, lr}\n"

/* Widens and pairs three rows' pixels, four channels each, then computes the row, group after group. */
#define GROUPS(NAME, OUTPUT)                                                                   \
  static __attribute__((naked, noinline, unused)) void NAME(groups_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                          \
        "push {r4-r11, lr}\n"                                                                  \
        "sub sp, #88\n"                                                                        \
        "mov lr, sp\n"                                                                         \
        "ldm r0!, {r1-r10}\n"                                                                  \
        "stm lr!, {r1-r10}\n"                                                                  \
        "ldm r0!, {r1-r10}\n"                                                                  \
        "stm lr!, {r1-r10}\n"                                                                  \
        "ldm r0, {r1, r2}\n"                                                                   \
        "stm lr, {r1, r2}\n"                                                                   \
        ".L" #NAME "_group:\n"                                                                 \
        "add r8, sp, #32\n"                                                                    \
        "ldm r8, {r0-r7}\n"                                                                    \
        "tst r7, #1\n"                                                                         \
        "beq .L" #NAME "_widen\n" WIDEN_COLUMN                                                 \
        "subs r7, r7, #1\n"                                                                    \
        "beq .L" #NAME "_widened\n"                                                            \
        ".L" #NAME "_widen:\n" WIDEN_COLUMN WIDEN_COLUMN                                       \
        "subs r7, r7, #2\n"                                                                    \
        "bne .L" #NAME "_widen\n"                                                              \
        ".L" #NAME "_widened:\n"                                                               \
        "ldr r0, [sp, #28]\n"                                                                  \
        "ldr r1, [sp, #4]\n"                                                                   \
        PIXELS(NAME, WINDOW3X3, OUTPUT)                                                        \
        "add r8, sp, #32\n"                                                                    \
        "ldm r8, {r0-r2}\n"                                                                    \
        "add r9, sp, #64\n"                                                                    \
        "ldm r9, {r3-r7}\n"                                                                    \
        "add r0, r0, r3\n"                                                                     \
        "add r1, r1, r4\n"                                                                     \
        "add r2, r2, r5\n"                                                                     \
        "stm r8, {r0-r2}\n"                                                                    \
        "ldrd r0, r1, [sp, #20]\n"                                                             \
        "ldr r2, [sp, #4]\n"                                                                   \
        "ldr r3, [sp, #84]\n"                                                                  \
        "add r0, r0, #4\n"                                                                     \
        "add r1, r1, r6\n"                                                                     \
        "add r2, r2, r6\n"                                                                     \
        "add r3, r3, #4\n"                                                                     \
        "subs r7, r7, #1\n"                                                                    \
        "strd r0, r1, [sp, #20]\n"                                                             \
        "str r2, [sp, #4]\n"                                                                   \
        "str r3, [sp, #8]\n"                                                                   \
        "str r3, [sp, #84]\n"                                                                  \
        "str r7, [sp, #80]\n"                                                                  \
        "bne .L" #NAME "_group\n"                                                              \
        "add sp, #88\n"                                                                        \
        "pop {r4-r11, pc}\n");                                                                 \
  }

/* Any number of columns, or three of them. */
#define COLUMNS(NAME, COLUMN)   \
  ".L" NAME "_column:\n" COLUMN \
  "ldr r6, [sp, #24]\n"         \
  "cmp r1, r6\n"                \
  "bne .L" NAME "_column\n"
#define WINDOW3X3(NAME) TWO_ROWS LAST_ROW TWO_ROWS LAST_ROW TWO_ROWS LAST_ROW
#define WINDOW3(NAME) COLUMNS(NAME, TWO_ROWS LAST_ROW)
#define WINDOW5(NAME) COLUMNS(NAME, TWO_ROWS TWO_ROWS LAST_ROW)
#define WINDOW7(NAME) COLUMNS(NAME, TWO_ROWS TWO_ROWS TWO_ROWS LAST_ROW)
GROUPS(tm_columns3x3_one_sign, ONE_SIGN)
ROW(tm_columns3_one_sign, WINDOW3, ONE_SIGN)
ROW(tm_columns5_one_sign, WINDOW5, ONE_SIGN)
ROW(tm_columns7_one_sign, WINDOW7, ONE_SIGN)
GROUPS(tm_columns3x3_any_sign, ANY_SIGN)
ROW(tm_columns3_any_sign, WINDOW3, ANY_SIGN)
ROW(tm_columns5_any_sign, WINDOW5, ANY_SIGN)
ROW(tm_columns7_any_sign, WINDOW7, ANY_SIGN)

/* Four channels of n pixels of two rows; steps are from pixel to pixel and from column to column. */
static __attribute__((noinline)) void pair_rows(uint32_t *dst, const int8_t *a, ptrdiff_t a_step, const int8_t *b, ptrdiff_t b_step,
                                                int32_t n, ptrdiff_t column) {
  uint32_t v, u, t, s;
  for (; n > 0; --n) {
    __asm__ volatile(
        "ldr %[v], [%[a]]\n"
        "ldr %[u], [%[b]]\n"
        "pkhbt %[t], %[v], %[u], lsl #16\n"
        "pkhtb %[u], %[u], %[v], asr #16\n"
        "sxtb16 %[v], %[t]\n"
        "sxtb16 %[t], %[t], ror #8\n"
        "sxtb16 %[s], %[u]\n"
        "sxtb16 %[u], %[u], ror #8\n"
        "strd %[v], %[t], [%[d]]\n"
        "strd %[s], %[u], [%[d], #8]\n"
        : [v] "=&r"(v), [u] "=&r"(u), [t] "=&r"(t), [s] "=&r"(s)
        : [a] "r"(a), [b] "r"(b), [d] "r"(dst)
        : "memory");
    a += a_step;
    b += b_step;
    dst += column;
  }
}

/* The same of one row. */
static __attribute__((noinline)) void last_row(uint32_t *dst, const int8_t *a, ptrdiff_t a_step, int32_t n, ptrdiff_t column) {
  uint32_t v, t;
  for (; n > 0; --n) {
    __asm__ volatile(
        "ldr %[v], [%[a]]\n"
        "sxtb16 %[t], %[v]\n"
        "sxtb16 %[v], %[v], ror #8\n"
        "strd %[t], %[v], [%[d]]\n"
        : [v] "=&r"(v), [t] "=&r"(t)
        : [a] "r"(a), [d] "r"(dst)
        : "memory");
    a += a_step;
    dst += column;
  }
}

/* A row of the input, or one pixel of padding again and again. */
typedef struct source {
  const int8_t *x;
  ptrdiff_t step;
} source;

/* Channels at .. at+3 of n pixels of all of the window's rows. */
static __attribute__((noinline)) void pair_all(const tm_depthwise_conv_2d_i8_columns_params *p, const source *rows, int32_t at,
                                               uint32_t *dst, int32_t n) {
  const int32_t words = 2 * p->kernel_h;
  for (int32_t ky = 0; ky < p->kernel_h; ky += 2, dst += 4) {
    const source *a = rows + ky;
    const int8_t *a_at = a->step != 0 ? a->x + at : a->x;
    if (ky + 1 < p->kernel_h) {
      const source *b = a + 1;
      pair_rows(dst, a_at, a->step, b->step != 0 ? b->x + at : b->x, b->step, n, words);
    } else {
      last_row(dst, a_at, a->step, n, words);
    }
  }
}

tm_status tm_depthwise_conv_2d_i8_columns_dsp(const tm_depthwise_conv_2d_i8_columns_params *p, const int8_t *x, const int32_t *w,
                                              int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t kh = p->kernel_h;
  if (p->in.c < 4 || p->in.c != p->out.c || p->dilation_w != 1 || (kh != 3 && kh != 5 && kh != 7)) {
    return TM_ERR_SHAPE;
  }
  const int any = TM_DEPTHWISE_CONV_2D_COLUMNS_ONE_SIGN == 0 || (TM_DEPTHWISE_CONV_2D_COLUMNS_ANY_SIGN != 0 && p->any_sign != 0);
  void (*row_kernel)(row_job *) = NULL;
  void (*three_rows)(groups_job *) = NULL;
  if (TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_3 != 0 && kh == 3) {
    row_kernel = any ? tm_columns3_any_sign : tm_columns3_one_sign;
    three_rows = any ? tm_columns3x3_any_sign : tm_columns3x3_one_sign;
  } else if (TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_5 != 0 && kh == 5) {
    row_kernel = any ? tm_columns5_any_sign : tm_columns5_one_sign;
  } else if (TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_7 != 0 && kh == 7) {
    row_kernel = any ? tm_columns7_any_sign : tm_columns7_one_sign;
  }
  if (row_kernel == NULL || any != (p->any_sign != 0)) {
    return TM_ERR_SHAPE;
  }
  const int32_t c = p->in.c;
  const int32_t columns = (p->out.w - 1) * p->stride_w + p->kernel_w;
  const int32_t words = 2 * kh; /* of a column */
  source *rows = (source *)scratch;
  uint8_t *padding = (uint8_t *)(rows + kh);
  uint32_t *cols = (uint32_t *)(void *)(padding + 4);
  /* columns outside are padding in every row and group */
  const int32_t left = tm_clamp_i32(p->pad_left, 0, columns);
  const int32_t right = tm_clamp_i32(p->in.w + p->pad_left, left, columns);
  const uint32_t half = (uint32_t)p->pad_value & 0xffffu;
  for (int32_t k = 0; k < 4; ++k) {
    padding[k] = (uint8_t)half;
  }
  for (int32_t k = 0; k < columns * words; ++k) {
    if (k < left * words || k >= right * words) {
      cols[k] = half << 16 | half;
    }
  }
  const int32_t group_words = 16 + p->kernel_w * words;
  uint32_t *inside = cols + left * words;
  for (int32_t oy = 0, iy0 = -p->pad_top; oy < p->out.h; ++oy, iy0 += p->stride_h) {
    for (int32_t ky = 0, iy = iy0; ky < kh; ++ky, iy += p->dilation_h) {
      if (iy >= 0 && iy < p->in.h) {
        rows[ky].x = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)(left - p->pad_left) * p->in.px_stride;
        rows[ky].step = p->in.px_stride;
      } else {
        rows[ky].x = (const int8_t *)padding;
        rows[ky].step = 0;
      }
    }
    const int32_t *stream = w;
    int8_t *row = y + tm_row_offset(&p->out, oy);
    int8_t *row_end = row + (ptrdiff_t)p->out.w * p->out.px_stride;
    const ptrdiff_t x_step = (p->stride_w - p->kernel_w) * words * 4;
    if (kh == 3 && p->kernel_w == 3 && right > left) {
      groups_job job = {{cols, stream, row, p->out.px_stride, x_step, row_end, stream + group_words - 12}, cols,
                        {rows[0].x, rows[1].x, rows[2].x}, {rows[0].step, rows[1].step, rows[2].step}, inside, right - left,
                        {rows[0].step != 0 ? 4 : 0, rows[1].step != 0 ? 4 : 0, rows[2].step != 0 ? 4 : 0}, group_words * 4, c / 4, row};
      three_rows(&job);
      if (c % 4 != 0) { /* the last group overlaps the one before it */
        const ptrdiff_t at = c - 4;
        for (int32_t k = 0; k < 3; ++k) {
          job.in[k] += job.group_step[k] != 0 ? at : 0;
        }
        job.row.y += at;
        job.row.y_end += at;
        job.row.w += (c / 4) * group_words;
        job.row.w_end += (c / 4) * group_words;
        job.y = job.row.y;
        job.groups = 1;
        three_rows(&job);
      }
      continue;
    }
    for (int32_t first = 0; first < c; first += 4, stream += group_words) {
      const int32_t at = tm_min_i32(first, c - 4);
      pair_all(p, rows, at, inside, right - left);
      row_job job = {cols, stream, row + at, p->out.px_stride, x_step, row_end + at, stream + group_words - 12};
      row_kernel(&job);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_columns_dsp_not_built;
#endif
