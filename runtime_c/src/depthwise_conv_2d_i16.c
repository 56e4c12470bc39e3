/*
 * DEPTHWISE_CONV_2D, int16, portable. Contract: tm/depthwise_conv_2d_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_i16.h"

/* The part of a window that lies inside the input. */
typedef struct part {
  int32_t ky0, ky1, kx0, kx1;
} part;

/* First and last + 1 of the k < count with 0 <= at + k * step < size. */
static void inside(int32_t at, int32_t step, int32_t count, int32_t size, int32_t *first, int32_t *end) {
  int32_t k = 0;
  while (k < count && at + k * step < 0) {
    ++k;
  }
  *first = k;
  while (k < count && at + k * step < size) {
    ++k;
  }
  *end = k;
}

static void pixel(const tm_depthwise_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias, int16_t *y, part in,
                  int32_t iy0, int32_t ix0) {
  const int32_t co = p->out.c;
  int32_t ci = 0;
  int32_t within = 0;
  for (int32_t c = 0; c < co; ++c) {
    int32_t acc = 0;
    for (int32_t ky = in.ky0; ky < in.ky1; ++ky) {
      const int16_t *row = x + tm_row_offset(&p->in, iy0 + ky * p->dilation_h) + ci;
      const int8_t *taps = w + (ptrdiff_t)ky * p->kernel_w * co + c;
      for (int32_t kx = in.kx0; kx < in.kx1; ++kx) {
        acc += (int32_t)row[(ptrdiff_t)(ix0 + kx * p->dilation_w) * p->in.px_stride] * taps[(ptrdiff_t)kx * co];
      }
    }
    y[c] = (int16_t)tm_clamp_i32(tm_requant_i64(bias[c] + acc, p->mult[c], p->shift[c]), p->clamp_lo, p->clamp_hi);
    if (++within == p->multiplier) {
      within = 0;
      ++ci;
    }
  }
}

tm_status tm_depthwise_conv_2d_i16(const tm_depthwise_conv_2d_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias,
                                   int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->multiplier < 1 || p->out.c != p->in.c * p->multiplier || p->kernel_h * p->kernel_w > 511) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int16_t *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    part in;
    inside(iy0, p->dilation_h, p->kernel_h, p->in.h, &in.ky0, &in.ky1);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      inside(ix0, p->dilation_w, p->kernel_w, p->in.w, &in.kx0, &in.kx1);
      pixel(p, x, w, bias, row + (ptrdiff_t)ox * p->out.px_stride, in, iy0, ix0);
    }
  }
  return TM_OK;
}
