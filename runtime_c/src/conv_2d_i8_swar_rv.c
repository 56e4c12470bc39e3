/*
 * CONV_2D, int8, RV32IM, two pixels in one register. Contract: tm/conv_2d_swar.h. Empty on other cores.
 *
 * Four pixels (two registers of two) by four channels stay in registers while the inputs are walked once: 68 instructions for
 * 32 products. gp and tp are left alone, an interrupt may need them.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_swar.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
#include "tm/requant_rv.h"

#pragma GCC optimize("O2", "no-schedule-insns")

/* What the assembly below reads, in this order. */
typedef struct swar_job {
  const int32_t *w;      /* stream, at the first group to compute */
  const uint32_t *x;     /* packed inputs */
  uint32_t taps;         /* N of the header: pairs of inputs, at least 1 */
  const int8_t *y_end;   /* of the first pixel's channels to compute */
  int8_t *y[4];          /* the pixels' first channel to write */
  int32_t any_sign;
} swar_job;

/*
 * Two taps of one channel. x: (t3, t4) and (t5, t6); a2 holds 32768. Pixels 0 and 1 sum in h0 and a0, 2 and 3 in h1 and a1.
 */
#define CHANNEL4(w0, w1, h0, a0, h1, a1)                                                    \
  "lb t0, " w0 "(a1)\n mul t1, t3, t0\n mul t2, t4, t0\n lb t0, " w1 "(a1)\n"               \
  "add t1, t1, a2\n add t2, t2, a2\n mul a3, t5, t0\n mul t0, t6, t0\n"                     \
  "add t1, t1, a3\n add t2, t2, t0\n add " a0 ", " a0 ", t1\n srai t1, t1, 16\n"            \
  "add " a1 ", " a1 ", t2\n srai t2, t2, 16\n add " h0 ", " h0 ", t1\n add " h1 ", " h1 ", t2\n"
#define CHANNEL2(w0, w1, h0, a0)                                                            \
  "lb t0, " w0 "(a1)\n mul t1, t3, t0\n lb t0, " w1 "(a1)\n add t1, t1, a2\n"               \
  "mul a3, t5, t0\n add t1, t1, a3\n add " a0 ", " a0 ", t1\n srai t1, t1, 16\n"            \
  "add " h0 ", " h0 ", t1\n"
#define TAPS4(x0, x1, x2, x3, w0, w1, w2, w3, w4, w5, w6, w7)                               \
  "lw t3, " x0 "(a0)\n lw t4, " x1 "(a0)\n lw t5, " x2 "(a0)\n lw t6, " x3 "(a0)\n"         \
  CHANNEL4(w0, w1, "s0", "s1", "s2", "s3") CHANNEL4(w2, w3, "s4", "s5", "s6", "s7")         \
  CHANNEL4(w4, w5, "s8", "s9", "s10", "s11") CHANNEL4(w6, w7, "a4", "a5", "a6", "a7")
#define TAPS2(x0, x1, x2, x3, w0, w1, w2, w3, w4, w5, w6, w7)                               \
  "lw t3, " x0 "(a0)\n lw t5, " x1 "(a0)\n"                                                 \
  CHANNEL2(w0, w1, "s0", "s1") CHANNEL2(w2, w3, "s4", "s5")                                 \
  CHANNEL2(w4, w5, "s8", "s9") CHANNEL2(w6, w7, "a4", "a5")

#define START4(at, at1, h0, a0, h1, a1) \
  "lw " h0 ", " at "(a1)\n lw " a0 ", " at1 "(a1)\n mv " h1 ", " h0 "\n mv " a1 ", " a0 "\n"
#define START2(at, at1, h0, a0, h1, a1) "lw " h0 ", " at "(a1)\n lw " a0 ", " at1 "(a1)\n"

/* The sum of a register's low halves: all of it minus the high halves. */
#define LOW(h, a) "slli a3, " h ", 16\n sub " a ", " a ", a3\n"
/* Outputs of one channel; m, add, shift in t0, t1, t2; pixels at t3-t6; -128 and 127 in a0, a2. */
#define STORE4(OUTPUT, m, c, e, at, h0, a0, h1, a1)                                         \
  "lw t0, " m "(a1)\n lw t1, " c "(a1)\n lb t2, " e "(a1)\n" LOW(h0, a0) LOW(h1, a1)        \
  OUTPUT(a0, "t0", "t1", "t2", "a3") TM_RV_STORE(a0, "a0", "a2", at "(t3)")                 \
  OUTPUT(h0, "t0", "t1", "t2", "a3") TM_RV_STORE(h0, "a0", "a2", at "(t4)")                 \
  OUTPUT(a1, "t0", "t1", "t2", "a3") TM_RV_STORE(a1, "a0", "a2", at "(t5)")                 \
  OUTPUT(h1, "t0", "t1", "t2", "a3") TM_RV_STORE(h1, "a0", "a2", at "(t6)")
#define STORE2(OUTPUT, m, c, e, at, h0, a0, h1, a1)                                         \
  "lw t0, " m "(a1)\n lw t1, " c "(a1)\n lb t2, " e "(a1)\n" LOW(h0, a0)                    \
  OUTPUT(a0, "t0", "t1", "t2", "a3") TM_RV_STORE(a0, "a0", "a2", at "(t3)")                 \
  OUTPUT(h0, "t0", "t1", "t2", "a3") TM_RV_STORE(h0, "a0", "a2", at "(t4)")
#define POINTERS4(how) how " t3, 16(sp)\n " how " t4, 20(sp)\n " how " t5, 24(sp)\n " how " t6, 28(sp)\n"
#define POINTERS2(how) how " t3, 16(sp)\n " how " t4, 20(sp)\n"
#define ADVANCE4 "addi t3, t3, 4\n addi t4, t4, 4\n addi t5, t5, 4\n addi t6, t6, 4\n"
#define ADVANCE2 "addi t3, t3, 4\n addi t4, t4, 4\n"

#define CHANNELS(STORE, OUTPUT)                                                                                             \
  STORE(OUTPUT, "0", "4", "32", "0", "s0", "s1", "s2", "s3") STORE(OUTPUT, "8", "12", "33", "1", "s4", "s5", "s6", "s7") \
  STORE(OUTPUT, "16", "20", "34", "2", "s8", "s9", "s10", "s11") STORE(OUTPUT, "24", "28", "35", "3", "a4", "a5", "a6", "a7")
#define LOOP4                                                                              \
  "2:\n" TAPS4("0", "4", "8", "12", "0", "1", "2", "3", "4", "5", "6", "7")                \
  "3:\n" TAPS4("16", "20", "24", "28", "8", "9", "10", "11", "12", "13", "14", "15")       \
  "4:\n" TAPS4("32", "36", "40", "44", "16", "17", "18", "19", "20", "21", "22", "23")     \
  "5:\n" TAPS4("48", "52", "56", "60", "24", "25", "26", "27", "28", "29", "30", "31")     \
  "addi a0, a0, 64\n"
#define LOOP2                                                                              \
  "2:\n" TAPS2("0", "4", "", "", "0", "1", "2", "3", "4", "5", "6", "7")                   \
  "3:\n" TAPS2("8", "12", "", "", "8", "9", "10", "11", "12", "13", "14", "15")            \
  "4:\n" TAPS2("16", "20", "", "", "16", "17", "18", "19", "20", "21", "22", "23")         \
  "5:\n" TAPS2("24", "28", "", "", "24", "25", "26", "27", "28", "29", "30", "31")         \
  "addi a0, a0, 32\n"

/*
 * All groups of a job. a0: inputs, a1: stream, ra: end of the inputs. Frame: 0 inputs, less what the unrolled loop leaves out at
 * first, 4 the loop's entry for that, 8 the way to the weights, 12 y_end, 16 y[4], 32 end of the inputs, 36 any_sign.
 * SHIFT: logarithm of the bytes of two taps' inputs.
 */
#define GROUPS(NAME, LOOP, START, STORE, POINTERS, ADVANCE, SHIFT)                                  \
  static __attribute__((naked, noinline)) void NAME(swar_job *job __attribute__((unused))) {                \
    __asm__ volatile(                                                                                       \
        "addi sp, sp, -96\n"                                                                                \
        "sw s0, 40(sp)\n sw s1, 44(sp)\n sw s2, 48(sp)\n sw s3, 52(sp)\n sw s4, 56(sp)\n sw s5, 60(sp)\n"   \
        "sw s6, 64(sp)\n sw s7, 68(sp)\n sw s8, 72(sp)\n sw s9, 76(sp)\n sw s10, 80(sp)\n sw s11, 84(sp)\n" \
        "sw ra, 88(sp)\n"                                                                                   \
        "lw t0, 12(a0)\n sw t0, 12(sp)\n lw t0, 32(a0)\n sw t0, 36(sp)\n"                                   \
        "lw t3, 16(a0)\n lw t4, 20(a0)\n lw t5, 24(a0)\n lw t6, 28(a0)\n" POINTERS("sw")                    \
        "lw a1, 0(a0)\n lw t0, 8(a0)\n lw a0, 4(a0)\n"                                                      \
        "slli t1, t0, " SHIFT "\n add t1, t1, a0\n sw t1, 32(sp)\n"                                         \
        "neg t0, t0\n andi t0, t0, 3\n" /* taps to leave out, in twos */                                    \
        "slli t1, t0, " SHIFT "\n sub a0, a0, t1\n sw a0, 0(sp)\n"                                          \
        "slli t1, t0, 3\n li t2, 32\n sub t1, t2, t1\n sw t1, 8(sp)\n"                                      \
        "lla t1, 6f\n slli t0, t0, 2\n add t0, t0, t1\n lw t0, 0(t0)\n add t0, t0, t1\n sw t0, 4(sp)\n"     \
        "1:\n" START("0", "4", "s0", "s1", "s2", "s3") START("8", "12", "s4", "s5", "s6", "s7")             \
        START("16", "20", "s8", "s9", "s10", "s11") START("24", "28", "a4", "a5", "a6", "a7")               \
        "lw a0, 0(sp)\n lw t0, 4(sp)\n lw t1, 8(sp)\n lw ra, 32(sp)\n lui a2, 8\n add a1, a1, t1\n jr t0\n" \
        LOOP "addi a1, a1, 32\n bne a0, ra, 2b\n"                                                           \
        "li a0, -128\n li a2, 127\n" POINTERS("lw")                                                         \
        "lw t0, 36(sp)\n bnez t0, 10f\n" CHANNELS(STORE, TM_RV_ONE_SIGN) "j 11f\n"                          \
        "10:\n" CHANNELS(STORE, TM_RV_ANY_SIGN) "11:\n"                                                     \
        "addi a1, a1, 36\n lw t0, 12(sp)\n" ADVANCE                                                         \
        "beq t3, t0, 7f\n" POINTERS("sw") "j 1b\n"                                                          \
        "7:\n"                                                                                              \
        "lw s0, 40(sp)\n lw s1, 44(sp)\n lw s2, 48(sp)\n lw s3, 52(sp)\n lw s4, 56(sp)\n lw s5, 60(sp)\n"   \
        "lw s6, 64(sp)\n lw s7, 68(sp)\n lw s8, 72(sp)\n lw s9, 76(sp)\n lw s10, 80(sp)\n lw s11, 84(sp)\n" \
        "lw ra, 88(sp)\n addi sp, sp, 96\n ret\n"                                                           \
        ".balign 4\n 6: .word 2b - 6b, 3b - 6b, 4b - 6b, 5b - 6b\n");                                       \
  }

GROUPS(tm_swar_four, LOOP4, START4, STORE4, POINTERS4, ADVANCE4, "4")
GROUPS(tm_swar_two, LOOP2, START2, STORE2, POINTERS2, ADVANCE2, "3")

/* Two pixels' bytes as one number. */
#define BOTH(a, b) ((uint32_t)((int32_t)(a) + (int32_t)(b)*65536))

/* n inputs of four pixels. Returns the end of what was written. */
static uint32_t *pack_four(uint32_t *dst, const int8_t *a, const int8_t *b, const int8_t *c, const int8_t *d, int32_t n) {
#define PACK(k) dst[2 * k] = BOTH(a[k], b[k]), dst[2 * k + 1] = BOTH(c[k], d[k])
  for (; n >= 8; n -= 8) {
    PACK(0), PACK(1), PACK(2), PACK(3), PACK(4), PACK(5), PACK(6), PACK(7);
    a += 8, b += 8, c += 8, d += 8, dst += 16;
  }
  for (; n > 0; --n) {
    PACK(0);
    ++a, ++b, ++c, ++d, dst += 2;
  }
#undef PACK
  return dst;
}

/* n inputs of two pixels. */
static uint32_t *pack_two(uint32_t *dst, const int8_t *a, const int8_t *b, int32_t n) {
#define PACK(k) dst[k] = BOTH(a[k], b[k])
  for (; n >= 8; n -= 8) {
    PACK(0), PACK(1), PACK(2), PACK(3), PACK(4), PACK(5), PACK(6), PACK(7);
    a += 8, b += 8, dst += 8;
  }
  for (; n > 0; --n) {
    *dst++ = BOTH(*a, *b);
    ++a, ++b;
  }
#undef PACK
  return dst;
}

/* An output pixel's window: its first row and column. */
typedef struct swar_pixel {
  int32_t iy, ix;
} swar_pixel;

/* The tap (ky, kx) of a window, or pad where it is outside. */
static const int8_t *tap(const tm_conv_2d_i8_swar_params *p, const int8_t *x, const int8_t *pad, const swar_pixel *at, int32_t ky,
                         int32_t kx) {
  const int32_t iy = at->iy + ky * p->dilation_h;
  const int32_t ix = at->ix + kx * p->dilation_w;
  if (iy < 0 || iy >= p->in.h || ix < 0 || ix >= p->in.w) {
    return pad;
  }
  return x + tm_row_offset(&p->in, iy) + (ptrdiff_t)ix * p->in.px_stride;
}

/* The inputs of n = 2 or 4 pixels, some of which may be outside. */
static __attribute__((noinline)) void pack_taps(const tm_conv_2d_i8_swar_params *p, const int8_t *x, const int8_t *pad,
                                                const swar_pixel *at, int32_t n, uint32_t *dst) {
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int8_t *from[4];
      for (int32_t k = 0; k < n; ++k) {
        from[k] = tap(p, x, pad, &at[k], ky, kx);
      }
      dst = n == 4 ? pack_four(dst, from[0], from[1], from[2], from[3], p->in.c) : pack_two(dst, from[0], from[1], p->in.c);
    }
  }
}

/* The next output pixel, and what is the same for all of its row. */
typedef struct swar_cursor {
  int32_t oy, ox;
  int32_t iy, ix; /* the window's first row and column */
  int rows_inside; /* the window's rows are inside and follow each other without a ring's seam */
  const int8_t *x; /* first tap, where it is inside */
  int8_t *y;
} swar_cursor;

static void begin_row(const tm_conv_2d_i8_swar_params *p, const int8_t *x, int8_t *y, swar_cursor *at) {
  const int32_t below = (p->kernel_h - 1) * p->dilation_h;
  at->ox = 0;
  at->ix = -p->pad_left;
  at->iy = at->oy * p->stride_h - p->pad_top;
  at->rows_inside = at->iy >= 0 && at->iy + below < p->in.h && tm_row(&p->in, at->iy + below) == tm_row(&p->in, at->iy) + below;
  at->x = (at->rows_inside ? x + tm_row_offset(&p->in, at->iy) : x) - (ptrdiff_t)p->pad_left * p->in.px_stride;
  at->y = y + tm_row_offset(&p->out, at->oy);
}

static void advance(const tm_conv_2d_i8_swar_params *p, const int8_t *x, int8_t *y, swar_cursor *at, int32_t n) {
  const int32_t columns = n * p->stride_w;
  at->ox += n;
  at->ix += columns;
  at->x += (ptrdiff_t)columns * p->in.px_stride;
  at->y += (ptrdiff_t)n * p->out.px_stride;
  if (at->ox == p->out.w && ++at->oy < p->out.h) {
    begin_row(p, x, y, at);
  }
}

tm_status tm_conv_2d_i8_swar_rv(const tm_conv_2d_i8_swar_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t co = p->out.c;
  if (co < 4) {
    return TM_ERR_SHAPE;
  }
  const int32_t taps = (p->kernel_h * p->kernel_w * p->in.c + 1) / 2;
  uint32_t *packed = (uint32_t *)scratch;
  int8_t *pad = (int8_t *)(packed + 4 * taps);
  int padded = 0;
  /* windows that begin in columns [0, columns) are inside, and their rows are runs of bytes */
  const int joined = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == p->in.c);
  const int32_t columns = joined ? p->in.w - p->kernel_w + 1 : 0;
  const int32_t run = p->kernel_w * p->in.c;
  const ptrdiff_t down = (ptrdiff_t)p->dilation_h * p->in.row_stride;
  const ptrdiff_t x_step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const ptrdiff_t y_step = p->out.px_stride;
  const int32_t fours = co & ~3;
  const int32_t *last = w + (ptrdiff_t)(fours / 4) * (17 + 2 * taps);
  swar_job job = {w, packed, (uint32_t)taps, NULL, {NULL, NULL, NULL, NULL}, p->any_sign};
  swar_cursor at = {0, 0, 0, 0, 0, NULL, NULL};
  if (p->out.h > 0 && p->out.w > 0) {
    begin_row(p, x, y, &at);
  }
  for (int32_t left = p->out.h * p->out.w; left > 0;) {
    const int32_t n = left > 2 ? 4 : 2;
    const int8_t *from[4];
    int whole = 1;
    if (at.rows_inside && at.ix >= 0 && at.ix + 3 * p->stride_w < columns && at.ox + 4 <= p->out.w) {
      for (int32_t k = 0; k < 4; ++k) {
        from[k] = at.x + k * x_step;
        job.y[k] = at.y + k * y_step;
      }
      left -= 4;
      advance(p, x, y, &at, 4);
    } else {
      swar_pixel pixels[4];
      for (int32_t k = 0; k < n; ++k) {
        if (left == 0) { /* no such pixel: the one before again */
          from[k] = from[k - 1];
          pixels[k] = pixels[k - 1];
          job.y[k] = job.y[k - 1];
          continue;
        }
        whole &= at.rows_inside && at.ix >= 0 && at.ix < columns;
        from[k] = at.x;
        pixels[k].iy = at.iy;
        pixels[k].ix = at.ix;
        job.y[k] = at.y;
        --left;
        advance(p, x, y, &at, 1);
      }
      if (!whole) {
        for (int32_t c = 0; !padded && c < p->in.c; ++c) {
          pad[c] = (int8_t)p->pad_value;
        }
        padded = 1;
        pack_taps(p, x, pad, pixels, n, packed);
      }
    }
    uint32_t *dst = packed;
    ptrdiff_t row = 0;
    for (int32_t ky = 0; whole && ky < p->kernel_h; ++ky, row += down) {
      dst = n == 4 ? pack_four(dst, from[0] + row, from[1] + row, from[2] + row, from[3] + row, run)
                   : pack_two(dst, from[0] + row, from[1] + row, run);
    }
    void (*const groups)(swar_job *) = n == 4 ? tm_swar_four : tm_swar_two;
    job.w = w;
    job.y_end = job.y[0] + fours;
    groups(&job);
    if (fours != co) {
      job.w = last;
      for (int32_t k = 0; k < n; ++k) {
        job.y[k] += co - 4;
      }
      job.y_end = job.y[0] + 4;
      groups(&job);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_swar_rv_not_built;
#endif
