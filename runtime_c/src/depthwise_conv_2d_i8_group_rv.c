/*
 * DEPTHWISE_CONV_2D, int8, RV32IM. Contract: tm/depthwise_conv_2d_group.h. Empty on other cores.
 *
 * Four channels of the columns that an output row needs are gathered, so that a window is one run of memory and borders are
 * done with. 3x3 windows keep a channel's nine weights in registers and read each column once; others walk their taps for
 * several outputs together. gp and tp are left alone, an interrupt may need them.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_group.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
#include "tm/requant_rv.h"

/* loads moved ahead of their use would not find enough registers */
#pragma GCC optimize("O2", "no-schedule-insns")

/* What the assembly below reads, in this order. */
typedef struct group_job {
  const int8_t *cols;   /* columns, four channels of all rows each */
  const uint8_t *w;     /* stream, at the group's first channel */
  int8_t *y;            /* first output pixel, at the group's first channel */
  ptrdiff_t y_step;
  const int8_t *y_end;  /* pixel behind the last one */
} group_job;

/* Input `at` of the column times w, to the sum s; FIRST begins the sum with the bias in t1. */
#define ADD(w, s) "mul a5, a4, " w "\n add " s ", " s ", a5\n"
#define FIRST(w, s) "mul a5, a4, " w "\n add " s ", t1, a5\n"
#define IN(at) "lb a4, " at "(a0)\n"
/* A column of three inputs to the outputs that begin there (n), one column (m) and two columns (o) before. */
#define COLUMN_N(x0, x1, x2, n) IN(x0) FIRST("s0", n) IN(x1) ADD("s1", n) IN(x2) ADD("s2", n)
#define COLUMN_M(x0, x1, x2, m) IN(x0) ADD("s3", m) IN(x1) ADD("s4", m) IN(x2) ADD("s5", m)
#define COLUMN_NM(x0, x1, x2, n, m) \
  IN(x0) FIRST("s0", n) ADD("s3", m) IN(x1) ADD("s1", n) ADD("s4", m) IN(x2) ADD("s2", n) ADD("s5", m)
#define COLUMN_NO(x0, x1, x2, n, o) \
  IN(x0) FIRST("s0", n) ADD("s6", o) IN(x1) ADD("s1", n) ADD("s7", o) IN(x2) ADD("s2", n) ADD("s8", o)
#define COLUMN_NMO(x0, x1, x2, n, m, o)                                        \
  IN(x0) FIRST("s0", n) ADD("s3", m) ADD("s6", o) IN(x1) ADD("s1", n) ADD("s4", m) \
  ADD("s7", o) IN(x2) ADD("s2", n) ADD("s5", m) ADD("s8", o)
#define OUT(OUTPUT, s) OUTPUT(s, "a6", "a7", "t0", "a5") TM_RV_STORE(s, "t2", "t3", "0(a2)") "add a2, a2, t4\n"

#define STRIDE1(OUTPUT)                                                                   \
  COLUMN_N("0", "4", "8", "s9") COLUMN_NM("12", "16", "20", "s10", "s9")                  \
  "2:\n" COLUMN_NMO("24", "28", "32", "s11", "s10", "s9") OUT(OUTPUT, "s9")               \
  "beq a2, t5, 3f\n" COLUMN_NMO("36", "40", "44", "s9", "s11", "s10") OUT(OUTPUT, "s10")  \
  "beq a2, t5, 3f\n" COLUMN_NMO("48", "52", "56", "s10", "s9", "s11") OUT(OUTPUT, "s11")  \
  "addi a0, a0, 36\n bne a2, t5, 2b\n"
#define STRIDE2(OUTPUT)                                                                                          \
  COLUMN_N("0", "4", "8", "s9")                                                                                  \
  "2:\n" COLUMN_M("12", "16", "20", "s9") COLUMN_NO("24", "28", "32", "s10", "s9") OUT(OUTPUT, "s9")             \
  "beq a2, t5, 3f\n" COLUMN_M("36", "40", "44", "s10") COLUMN_NO("48", "52", "56", "s9", "s10") OUT(OUTPUT, "s10") \
  "addi a0, a0, 48\n bne a2, t5, 2b\n"

/* A row of four channels. t6, a3: columns and outputs of the channel, a1: stream, ra: channels left. */
#define THREE(NAME, COLUMNS, OUTPUT)                                                                        \
  static __attribute__((naked, noinline)) void NAME(const group_job *job __attribute__((unused))) {         \
    __asm__ volatile(                                                                                       \
        "addi sp, sp, -64\n"                                                                                \
        "sw s0, 0(sp)\n sw s1, 4(sp)\n sw s2, 8(sp)\n sw s3, 12(sp)\n sw s4, 16(sp)\n sw s5, 20(sp)\n"      \
        "sw s6, 24(sp)\n sw s7, 28(sp)\n sw s8, 32(sp)\n sw s9, 36(sp)\n sw s10, 40(sp)\n sw s11, 44(sp)\n" \
        "sw ra, 48(sp)\n"                                                                                   \
        "lw t6, 0(a0)\n lw a1, 4(a0)\n lw a3, 8(a0)\n lw t4, 12(a0)\n lw t5, 16(a0)\n"                      \
        "li ra, 4\n li t2, -128\n li t3, 127\n"                                                             \
        "1: lw t1, 0(a1)\n lh s0, 4(a1)\n lh s1, 6(a1)\n lh s2, 8(a1)\n lh s3, 10(a1)\n lh s4, 12(a1)\n"    \
        "lh s5, 14(a1)\n lh s6, 16(a1)\n lh s7, 18(a1)\n lh s8, 20(a1)\n"                                   \
        "lw a6, 24(a1)\n lw a7, 28(a1)\n lw t0, 32(a1)\n addi a1, a1, 36\n mv a0, t6\n mv a2, a3\n"         \
        COLUMNS(OUTPUT)                                                                                     \
        "3: addi t6, t6, 1\n addi a3, a3, 1\n addi t5, t5, 1\n addi ra, ra, -1\n beqz ra, 4f\n j 1b\n"      \
        "4: lw s0, 0(sp)\n lw s1, 4(sp)\n lw s2, 8(sp)\n lw s3, 12(sp)\n lw s4, 16(sp)\n lw s5, 20(sp)\n"   \
        "lw s6, 24(sp)\n lw s7, 28(sp)\n lw s8, 32(sp)\n lw s9, 36(sp)\n lw s10, 40(sp)\n lw s11, 44(sp)\n" \
        "lw ra, 48(sp)\n addi sp, sp, 64\n ret\n");                                                         \
  }

THREE(tm_three_1_one_sign, STRIDE1, TM_RV_SCALED_ONE_SIGN)
THREE(tm_three_1_any_sign, STRIDE1, TM_RV_SCALED_ANY_SIGN)
THREE(tm_three_2_one_sign, STRIDE2, TM_RV_SCALED_ONE_SIGN)
THREE(tm_three_2_any_sign, STRIDE2, TM_RV_SCALED_ANY_SIGN)

/* A channel's constants. */
typedef struct group_channel {
  const int16_t *w;
  int32_t n; /* taps */
  int32_t bias, mult, add, shift, any_sign;
} group_channel;

static inline int8_t scaled_output(const group_channel *c, int32_t sum) {
  const int32_t high = (int32_t)(((int64_t)sum * c->mult) >> 32);
  const int32_t sign = c->any_sign != 0 ? 2 * (sum >> 31) : 0;
  return (int8_t)tm_clamp_i32((c->add + high + sign) >> c->shift, -128, 127);
}

/* Outputs of neighbours whose windows begin `apart` bytes from each other; a tap is four bytes behind the one before. */
static __attribute__((noinline)) void five(const group_channel *c, const int8_t *x, ptrdiff_t apart, int8_t *y, ptrdiff_t y_step) {
  const int8_t *x1 = x + apart;
  const int8_t *x2 = x1 + apart;
  const int8_t *x3 = x2 + apart;
  const int8_t *x4 = x3 + apart;
  const int16_t *w = c->w;
  int32_t a0 = c->bias, a1 = a0, a2 = a0, a3 = a0, a4 = a0;
#define TAP(k)                 \
  do {                         \
    const int32_t v = w[k];    \
    a0 += v * x[4 * (k)];      \
    a1 += v * x1[4 * (k)];     \
    a2 += v * x2[4 * (k)];     \
    a3 += v * x3[4 * (k)];     \
    a4 += v * x4[4 * (k)];     \
  } while (0)
#define STEP(k) w += (k), x += 4 * (k), x1 += 4 * (k), x2 += 4 * (k), x3 += 4 * (k), x4 += 4 * (k)
  int32_t n = c->n;
  for (; n >= 8; n -= 8) {
    TAP(0);
    TAP(1);
    TAP(2);
    TAP(3);
    TAP(4);
    TAP(5);
    TAP(6);
    TAP(7);
    STEP(8);
  }
  for (; n > 0; --n) {
    TAP(0);
    STEP(1);
  }
#undef TAP
#undef STEP
  y[0] = scaled_output(c, a0);
  y[y_step] = scaled_output(c, a1);
  y[2 * y_step] = scaled_output(c, a2);
  y[3 * y_step] = scaled_output(c, a3);
  y[4 * y_step] = scaled_output(c, a4);
}

static __attribute__((noinline)) void three(const group_channel *c, const int8_t *x, ptrdiff_t apart, int8_t *y, ptrdiff_t y_step) {
  const int8_t *x1 = x + apart;
  const int8_t *x2 = x1 + apart;
  const int16_t *w = c->w;
  int32_t a0 = c->bias, a1 = a0, a2 = a0;
#define TAP(k)                 \
  do {                         \
    const int32_t v = w[k];    \
    a0 += v * x[4 * (k)];      \
    a1 += v * x1[4 * (k)];     \
    a2 += v * x2[4 * (k)];     \
  } while (0)
#define STEP(k) w += (k), x += 4 * (k), x1 += 4 * (k), x2 += 4 * (k)
  int32_t n = c->n;
  for (; n >= 8; n -= 8) {
    TAP(0);
    TAP(1);
    TAP(2);
    TAP(3);
    TAP(4);
    TAP(5);
    TAP(6);
    TAP(7);
    STEP(8);
  }
  for (; n > 0; --n) {
    TAP(0);
    STEP(1);
  }
#undef TAP
#undef STEP
  y[0] = scaled_output(c, a0);
  y[y_step] = scaled_output(c, a1);
  y[2 * y_step] = scaled_output(c, a2);
}

static __attribute__((noinline)) void one(const group_channel *c, const int8_t *x, int8_t *y) {
  const int16_t *w = c->w;
  int32_t a0 = c->bias;
  int32_t n = c->n;
  for (; n >= 4; n -= 4) {
    a0 += w[0] * x[0] + w[1] * x[4] + w[2] * x[8] + w[3] * x[12];
    w += 4;
    x += 16;
  }
  for (; n > 0; --n) {
    a0 += *w++ * *x;
    x += 4;
  }
  *y = scaled_output(c, a0);
}

/* A row of four channels, any window. */
static void any_window(const tm_depthwise_conv_2d_i8_group_params *p, const group_job *job) {
  const ptrdiff_t apart = (ptrdiff_t)p->stride_w * p->kernel_h * 4;
  group_channel c = {NULL, p->kernel_h * p->kernel_w, 0, 0, 0, 0, p->any_sign};
  const int32_t *stream = (const int32_t *)(const void *)job->w;
  for (int32_t k = 0; k < 4; ++k) {
    c.bias = stream[0];
    c.w = (const int16_t *)(const void *)(stream + 1);
    stream += 1 + (c.n + 1) / 2;
    c.mult = stream[0];
    c.add = stream[1];
    c.shift = stream[2];
    stream += 3;
    const int8_t *x = job->cols + k;
    int8_t *y = job->y + k;
    int32_t left = p->out.w;
    for (; left >= 5; left -= 5) {
      five(&c, x, apart, y, job->y_step);
      x += 5 * apart;
      y += 5 * job->y_step;
    }
    if (left >= 3) {
      three(&c, x, apart, y, job->y_step);
      x += 3 * apart;
      y += 3 * job->y_step;
      left -= 3;
    }
    for (; left > 0; --left) {
      one(&c, x, y);
      x += apart;
      y += job->y_step;
    }
  }
}

typedef uint32_t __attribute__((may_alias)) word;

/* Four bytes of n pixels of a row to every kh-th word. */
static void gather(word *dst, const int8_t *x, ptrdiff_t step, int32_t n, int32_t kh) {
  if (((uint32_t)(uintptr_t)x | (uint32_t)step) % 4u == 0) {
    for (; n > 0; --n) {
      *dst = *(const word *)(const void *)x;
      dst += kh;
      x += step;
    }
    return;
  }
  for (; n > 0; --n) {
    const uint32_t low = (uint8_t)x[0] | (uint32_t)(uint8_t)x[1] << 8;
    *dst = low | (uint32_t)(uint8_t)x[2] << 16 | (uint32_t)(uint8_t)x[3] << 24;
    dst += kh;
    x += step;
  }
}

/* The same of three rows of words. */
static void gather_three(word *dst, const int8_t *a, const int8_t *b, const int8_t *c, ptrdiff_t step, int32_t n) {
  const word *end = dst + 3 * (ptrdiff_t)n;
  while (dst != end) {
    const word v0 = *(const word *)(const void *)a;
    const word v1 = *(const word *)(const void *)b;
    const word v2 = *(const word *)(const void *)c;
    dst[0] = v0;
    dst[1] = v1;
    dst[2] = v2;
    a += step;
    b += step;
    c += step;
    dst += 3;
  }
}

static void fill(word *dst, word value, int32_t n, int32_t step) {
  for (; n > 0; --n) {
    *dst = value;
    dst += step;
  }
}

tm_status tm_depthwise_conv_2d_i8_group_rv(const tm_depthwise_conv_2d_i8_group_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t c = p->out.c;
  const int32_t kh = p->kernel_h;
  if (c < 4 || p->in.c != c || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  void (*kernel)(const group_job *) = NULL;
  if (kh == 3 && p->kernel_w == 3 && p->stride_w == 1) {
    kernel = p->any_sign != 0 ? tm_three_1_any_sign : tm_three_1_one_sign;
  } else if (kh == 3 && p->kernel_w == 3 && p->stride_w == 2) {
    kernel = p->any_sign != 0 ? tm_three_2_any_sign : tm_three_2_one_sign;
  }
  const int32_t columns = (p->out.w - 1) * p->stride_w + p->kernel_w;
  const int32_t left = tm_clamp_i32(p->pad_left, 0, columns);
  const int32_t inside = tm_clamp_i32(p->in.w + p->pad_left, left, columns) - left;
  const word padding = ((word)p->pad_value & 0xffu) * 0x01010101u;
  const int32_t bytes = 4 * (16 + 2 * ((kh * p->kernel_w + 1) & ~1)); /* of a group's stream */
  word *cols = (word *)scratch;
  word *first = cols + (ptrdiff_t)left * kh;
  fill(cols, padding, left * kh, 1);
  fill(first + (ptrdiff_t)inside * kh, padding, (columns - left - inside) * kh, 1);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    int8_t *out = y + tm_row_offset(&p->out, oy);
    const ptrdiff_t start = (ptrdiff_t)(left - p->pad_left) * p->in.px_stride;
    int32_t above = 0; /* rows [above, below) of the window are inside */
    int32_t below = kh;
    while (above < kh && iy0 + above * p->dilation_h < 0) {
      fill(first + above++, padding, inside, kh);
    }
    while (below > above && iy0 + (below - 1) * p->dilation_h >= p->in.h) {
      fill(first + --below, padding, inside, kh);
    }
    const int8_t *rows[3] = {NULL, NULL, NULL};
    int together = kh == 3 && above == 0 && below == 3 && p->in.px_stride % 4 == 0;
    for (int32_t ky = 0; together && ky < 3; ++ky) {
      rows[ky] = x + tm_row_offset(&p->in, iy0 + ky * p->dilation_h) + start;
      together = (uint32_t)(uintptr_t)rows[ky] % 4u == 0;
    }
    group_job job = {(const int8_t *)scratch, (const uint8_t *)w, NULL, p->out.px_stride, NULL};
    for (int32_t from = 0; from < c; from += 4) {
      const int32_t at = tm_min_i32(from, c - 4);
      if (together && at % 4 == 0) {
        gather_three(first, rows[0] + at, rows[1] + at, rows[2] + at, p->in.px_stride, inside);
      } else {
        for (int32_t ky = above; ky < below; ++ky) {
          const int8_t *row = x + tm_row_offset(&p->in, iy0 + ky * p->dilation_h) + start;
          gather(first + ky, row + at, p->in.px_stride, inside, kh);
        }
      }
      job.y = out + at;
      job.y_end = job.y + (ptrdiff_t)p->out.w * p->out.px_stride;
      if (kernel != NULL) {
        kernel(&job);
      } else {
        any_window(p, &job);
      }
      job.w += bytes;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_group_rv_not_built;
#endif
