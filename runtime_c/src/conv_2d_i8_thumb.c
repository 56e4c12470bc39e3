/*
 * CONV_2D, int8, Armv6-M and Armv7-M. Contract: tm/conv_2d_thumb.h. Empty on other cores.
 *
 * Two channels fit the eight registers that all instructions of Armv6-M reach: one index counts up to 0 for the input and both
 * channels' weights, the products of four inputs are written out. A pixel's window is gathered first, once for all channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_thumb.h"

#if defined(__thumb__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

typedef struct sums2 {
  int32_t a, b;
} sums2;

#if defined(__ARM_ARCH_6M__)
#define ONE                         \
  "ldrsb %[v], [%[x], %[k]]\n"      \
  "ldrsb %[t], [%[w0], %[k]]\n"     \
  "muls %[t], %[v], %[t]\n"         \
  "adds %[a], %[a], %[t]\n"         \
  "ldrsb %[t], [%[w1], %[k]]\n"     \
  "muls %[t], %[v], %[t]\n"         \
  "adds %[b], %[b], %[t]\n"         \
  "adds %[k], #1\n"
#else
#define ONE                         \
  "ldrsb %[v], [%[x], %[k]]\n"      \
  "ldrsb %[t], [%[w0], %[k]]\n"     \
  "mla %[a], %[t], %[v], %[a]\n"    \
  "ldrsb %[t], [%[w1], %[k]]\n"     \
  "mla %[b], %[t], %[v], %[b]\n"    \
  "adds %[k], #1\n"
#endif

/* Sums of n products of x and the weights of two channels. */
static inline sums2 add_run(const int8_t *x, const int8_t *w0, const int8_t *w1, int32_t n) {
  int32_t a = 0;
  int32_t b = 0;
  for (; (n & 3) != 0; --n) {
    const int32_t v = *x++;
    a += v * *w0++;
    b += v * *w1++;
  }
  if (n != 0) {
    int32_t k = -n;
    int32_t v, t;
    __asm__ volatile(
        ".syntax unified\n"
        "1:\n" ONE ONE ONE ONE
        "bne 1b\n"
        : [a] "+l"(a), [b] "+l"(b), [k] "+l"(k), [v] "=&l"(v), [t] "=&l"(t)
        : [x] "l"(x + n), [w0] "l"(w0 + n), [w1] "l"(w1 + n)
        : "cc", "memory");
  }
  const sums2 sum = {a, b};
  return sum;
}

/* The window's bytes at input row iy0 and column ix0, kernel_h rows of kernel_w pixels, padding included. */
static void gather(const tm_conv_2d_i8_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    const int8_t *row = row_inside ? x + tm_row_offset(&p->in, iy) : x;
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (row_inside && ix >= 0 && ix < p->in.w) {
        const int8_t *px = row + (ptrdiff_t)ix * p->in.px_stride;
        for (int32_t c = 0; c < ci; ++c) {
          *dst++ = px[c];
        }
      } else {
        for (int32_t c = 0; c < ci; ++c) {
          *dst++ = (int8_t)p->pad_value;
        }
      }
    }
  }
}

static void store(const tm_conv_2d_i8_params *p, int8_t *px, int32_t c, int32_t bias, int32_t sum) {
  const int32_t q = tm_requant(tm_add_wrap_i32(bias, sum), p->mult[c], p->shift[c]);
  px[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
}

tm_status tm_conv_2d_i8_thumb(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                              void *scratch) {
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->groups != 1) {
    return TM_ERR_SHAPE;
  }
  const int32_t filter = p->kernel_h * p->kernel_w * p->in.c;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      gather(p, x, (int8_t *)scratch, iy0, ox * p->stride_w - p->pad_left);
      for (int32_t c = 0; c < p->out.c; c += 2) {
        const int8_t *w0 = w + (ptrdiff_t)c * filter;
        /* a lone last channel is computed twice, stored once */
        const int32_t pair = c + 1 < p->out.c ? 1 : 0;
        const sums2 s = add_run((const int8_t *)scratch, w0, w0 + (ptrdiff_t)pair * filter, filter);
        store(p, px, c, bias[c], s.a);
        if (pair != 0) {
          store(p, px, c + 1, bias[c + 1], s.b);
        }
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_thumb_not_built;
#endif
