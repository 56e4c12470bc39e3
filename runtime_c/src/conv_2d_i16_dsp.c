/*
 * CONV_2D, int16, Armv7E-M. Contract: tm/conv_2d_i16.h. Empty on other cores.
 *
 * Four products a step: SXTB16 widens bytes 0,2 and 1,3 of a word of weights, PKHBT and PKHTB pair the inputs alike, SMLALD adds two
 * products to 64 bits. Two output channels share the paired inputs. Words are loaded unaligned, which LDR permits on Armv7E-M.
 * Where the pixels of a row are neighbours, a whole kernel row is one run.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_i16.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(__ARM_FEATURE_MVE)
#include <arm_acle.h>
#include <string.h>

typedef struct sums2 {
  int64_t a, b;
} sums2;

static inline uint32_t load_pair(const int16_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t load4(const int8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* gcc has no __ror in arm_acle.h and does not fold a rotate into SXTB16 */
static inline int16x2_t widen_odd(uint32_t v) {
  int16x2_t r;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
  return r;
}

/* Adds n products of x and the weights of two channels. */
static inline sums2 add_run(sums2 s, const int16_t *x, const int8_t *w0, const int8_t *w1, int32_t n) {
  const int8_t *const end = w0 + (n & ~3);
  while (w0 != end) {
    const uint32_t low = load_pair(x);
    const uint32_t high = load_pair(x + 2);
    const uint32_t a = load4(w0);
    const uint32_t b = load4(w1);
    int16x2_t even;
    int16x2_t odd;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(even) : "r"(low), "r"(high));
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(odd) : "r"(high), "r"(low));
    s.a = __smlald(even, __sxtb16((int8x4_t)a), s.a);
    s.b = __smlald(even, __sxtb16((int8x4_t)b), s.b);
    s.a = __smlald(odd, widen_odd(a), s.a);
    s.b = __smlald(odd, widen_odd(b), s.b);
    x += 4;
    w0 += 4;
    w1 += 4;
  }
  for (int32_t k = 0; k < (n & 3); ++k) {
    s.a += (int32_t)x[k] * w0[k];
    s.b += (int32_t)x[k] * w1[k];
  }
  return s;
}

/* Sums of two channels over the taps of the output pixel whose window begins at (iy0, ix0). */
static sums2 pixel_sums(const tm_conv_2d_i16_params *p, const int16_t *x, const int8_t *w0, const int8_t *w1, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int32_t filter_row = p->kernel_w * ci;
  const int one_run = p->dilation_w == 1 && p->in.px_stride == ci && ix0 >= 0 && ix0 + p->kernel_w <= p->in.w;
  sums2 s = {0, 0};
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    if (iy >= 0 && iy < p->in.h) {
      const int16_t *row = x + tm_row_offset(&p->in, iy);
      const ptrdiff_t at = (ptrdiff_t)ky * filter_row;
      if (one_run) {
        s = add_run(s, row + (ptrdiff_t)ix0 * ci, w0 + at, w1 + at, filter_row);
        continue;
      }
      for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
        const int32_t ix = ix0 + kx * p->dilation_w;
        if (ix >= 0 && ix < p->in.w) {
          s = add_run(s, row + (ptrdiff_t)ix * p->in.px_stride, w0 + at + kx * ci, w1 + at + kx * ci, ci);
        }
      }
    }
  }
  return s;
}

static inline int16_t output(const tm_conv_2d_i16_params *p, int64_t acc, int32_t c) {
  return (int16_t)tm_clamp_i32(tm_requant_i64(acc, p->mult[c], p->shift[c]), p->clamp_lo, p->clamp_hi);
}

tm_status tm_conv_2d_i16_dsp(const tm_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias, int16_t *y,
                             void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->groups != 1) {
    return TM_ERR_SHAPE;
  }
  const ptrdiff_t filter = (ptrdiff_t)p->kernel_h * p->kernel_w * p->in.c;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int16_t *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int16_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      for (int32_t c = 0; c < p->out.c; c += 2) {
        const int32_t d = tm_min_i32(c + 1, p->out.c - 1); /* the last one of an odd number is computed twice */
        const sums2 s = pixel_sums(p, x, w + c * filter, w + d * filter, iy0, ix0);
        px[c] = output(p, bias[c] + s.a, c);
        px[d] = output(p, bias[d] + s.b, d);
      }
    }
  }
  return TM_OK;
}

#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i16_dsp_not_built;
#endif
