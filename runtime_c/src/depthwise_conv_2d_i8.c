/*
 * DEPTHWISE_CONV_2D, int8, portable. Contract: tm/depthwise_conv_2d.h.
 *
 * Four channels at a time: their sums stay in registers while the taps are walked once, and a tap's four inputs and four
 * weights are neighbours in memory.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d.h"

typedef struct sums4 {
  int32_t v[4];
} sums4;

/* Sums of output channels c..c+3 where multiplier is 1 and all four exist. */
static sums4 sum_four(const tm_depthwise_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, int32_t iy0, int32_t ix0, int32_t c) {
  int32_t a0 = 0;
  int32_t a1 = 0;
  int32_t a2 = 0;
  int32_t a3 = 0;
  w += c;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    const int row_inside = iy >= 0 && iy < p->in.h;
    const int8_t *row = row_inside ? x + tm_row_offset(&p->in, iy) + c : x;
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      if (row_inside && ix >= 0 && ix < p->in.w) {
        const int8_t *px = row + (ptrdiff_t)ix * p->in.px_stride;
        a0 += (int32_t)px[0] * w[0];
        a1 += (int32_t)px[1] * w[1];
        a2 += (int32_t)px[2] * w[2];
        a3 += (int32_t)px[3] * w[3];
      } else {
        a0 += p->pad_value * w[0];
        a1 += p->pad_value * w[1];
        a2 += p->pad_value * w[2];
        a3 += p->pad_value * w[3];
      }
      w += p->out.c;
    }
  }
  const sums4 s = {{a0, a1, a2, a3}};
  return s;
}

/* Sum of output channel c. */
static int32_t sum_one(const tm_depthwise_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, int32_t iy0, int32_t ix0, int32_t c) {
  int32_t acc = 0;
  const int32_t ci = c / p->multiplier;
  w += c;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    const int row_inside = iy >= 0 && iy < p->in.h;
    const int8_t *row = row_inside ? x + tm_row_offset(&p->in, iy) + ci : x;
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      const int inside = row_inside && ix >= 0 && ix < p->in.w;
      acc += (inside ? (int32_t)row[(ptrdiff_t)ix * p->in.px_stride] : p->pad_value) * w[0];
      w += p->out.c;
    }
  }
  return acc;
}

static int8_t output(const tm_depthwise_conv_2d_i8_params *p, const int32_t *bias, int32_t sum, int32_t c) {
  const int32_t q = tm_requant(tm_add_wrap_i32(bias[c], sum), p->mult[c], p->shift[c]);
  return (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
}

tm_status tm_depthwise_conv_2d_i8(const tm_depthwise_conv_2d_i8_params *p, const int8_t *x, const int8_t *w,
                                  const int32_t *bias, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->multiplier <= 0 || p->out.c != p->in.c * p->multiplier) {
    return TM_ERR_SHAPE;
  }
  const int32_t fours = p->multiplier == 1 ? p->out.c & ~3 : 0;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      int32_t c = 0;
      for (; c < fours; c += 4) {
        const sums4 s = sum_four(p, x, w, iy0, ix0, c);
        for (int32_t k = 0; k < 4; ++k) {
          px[c + k] = output(p, bias, s.v[k], c + k);
        }
      }
      for (; c < p->out.c; ++c) {
        px[c] = output(p, bias, sum_one(p, x, w, iy0, ix0, c), c);
      }
    }
  }
  return TM_OK;
}
