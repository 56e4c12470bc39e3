/*
 * CONV_2D, int8, Armv7E-M. Contract: tm/conv_2d.h. Empty on other cores.
 *
 * Four bytes a step: SXTB16 widens bytes 0,2 and 1,3 of a word, SMLAD sums two products. Two output channels share the
 * widened inputs. Words are loaded unaligned, which LDR permits on Armv7E-M. Where the pixels of a row are neighbours, a
 * whole kernel row is one run of bytes, so few channels cost no more than many. No scratch: nothing is gathered first.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(__ARM_FEATURE_MVE)
#include <arm_acle.h>
#include <string.h>

typedef struct sums2 {
  int32_t a, b;
} sums2;

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

/* Adds n products of x and the weights of two channels; step is 4, or 0 to use the same four bytes of x again and again. */
static inline sums2 add_run(sums2 s, const int8_t *x, int32_t step, const int8_t *w0, const int8_t *w1, int32_t n) {
  int32_t k = 0;
  for (; k + 4 <= n; k += 4) {
    const uint32_t v = load4(x);
    const uint32_t a = load4(w0 + k);
    const uint32_t b = load4(w1 + k);
    const int16x2_t even = __sxtb16((int8x4_t)v);
    const int16x2_t odd = widen_odd(v);
    s.a = __smlad(even, __sxtb16((int8x4_t)a), s.a);
    s.a = __smlad(odd, widen_odd(a), s.a);
    s.b = __smlad(even, __sxtb16((int8x4_t)b), s.b);
    s.b = __smlad(odd, widen_odd(b), s.b);
    x += step;
  }
  for (int32_t t = 0; k < n; ++k, ++t) {
    s.a += (int32_t)x[t] * w0[k];
    s.b += (int32_t)x[t] * w1[k];
  }
  return s;
}

/* Sums of two channels over the taps of one output pixel whose window starts at (iy0, ix0). */
static sums2 pixel_sums(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w0, const int8_t *w1, int32_t iy0, int32_t ix0) {
  const int8_t pad = (int8_t)p->pad_value;
  const int8_t pad4[4] = {pad, pad, pad, pad};
  const int32_t ci = p->in.c;
  const int32_t row_bytes = p->kernel_w * ci;
  const int joined = p->in.px_stride == ci && p->dilation_w == 1 && ix0 >= 0 && ix0 + p->kernel_w <= p->in.w;
  sums2 s = {0, 0};
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    if (iy < 0 || iy >= p->in.h) {
      s = add_run(s, pad4, 0, w0, w1, row_bytes);
      w0 += row_bytes;
      w1 += row_bytes;
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      s = add_run(s, row + (ptrdiff_t)ix0 * ci, 4, w0, w1, row_bytes);
      w0 += row_bytes;
      w1 += row_bytes;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      if (ix < 0 || ix >= p->in.w) {
        s = add_run(s, pad4, 0, w0, w1, ci);
      } else {
        s = add_run(s, row + (ptrdiff_t)ix * p->in.px_stride, 4, w0, w1, ci);
      }
      w0 += ci;
      w1 += ci;
    }
  }
  return s;
}

static void store(const tm_conv_2d_i8_params *p, int8_t *px, int32_t c, int32_t bias, int32_t sum) {
  const int32_t q = tm_requant(tm_add_wrap_i32(bias, sum), p->mult[c], p->shift[c]);
  px[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
}

tm_status tm_conv_2d_i8_dsp(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                            void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
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
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      for (int32_t c = 0; c < p->out.c; c += 2) {
        const int8_t *w0 = w + (ptrdiff_t)c * filter;
        /* a lone last channel is computed twice, stored once */
        const int32_t pair = c + 1 < p->out.c ? 1 : 0;
        const sums2 s = pixel_sums(p, x, w0, w0 + (ptrdiff_t)pair * filter, iy0, ix0);
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
typedef int tm_conv_2d_i8_dsp_not_built;
#endif
