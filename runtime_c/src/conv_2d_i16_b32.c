/* CONV_2D, int16 with int32 sums, portable. Contract: tm/conv_2d_i16_b32.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/conv_2d_i16_b32.h"

/* Sum of x * w over the taps of one output pixel and channel; taps outside the input count as 0. */
static int32_t pixel_sum(const tm_conv_2d_i16_b32_params *p, const int16_t *x, const int8_t *w, int32_t iy0, int32_t ix0, int32_t ci) {
  int32_t acc = 0;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    if (iy >= 0 && iy < p->in.h) {
      const int16_t *row = x + tm_row_offset(&p->in, iy);
      const int8_t *taps = w;
      for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
        const int32_t ix = ix0 + kx * p->dilation_w;
        if (ix >= 0 && ix < p->in.w) {
          const int16_t *px = row + (ptrdiff_t)ix * p->in.px_stride;
          for (int32_t c = 0; c < ci; ++c) {
            acc += (int32_t)px[c] * taps[c];
          }
        }
        taps += ci;
      }
    }
    w += (ptrdiff_t)p->kernel_w * ci;
  }
  return acc;
}

tm_status tm_conv_2d_i16_b32(const tm_conv_2d_i16_b32_params *p, const int16_t *x, const int8_t *w, const int32_t *bias,
                             int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->groups <= 0 || p->in.c % p->groups != 0 || p->out.c % p->groups != 0) {
    return TM_ERR_SHAPE;
  }
  const int32_t ci = p->in.c / p->groups;
  const int32_t co = p->out.c / p->groups;
  const int32_t filter = p->kernel_h * p->kernel_w * ci;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int16_t *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int16_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      for (int32_t g = 0; g < p->groups; ++g) {
        for (int32_t c = g * co; c < (g + 1) * co; ++c) {
          const int32_t acc = bias[c] + pixel_sum(p, x + g * ci, w + (ptrdiff_t)c * filter, iy0, ix0, ci);
          px[c] = (int16_t)tm_clamp_i32(tm_requant(acc, p->mult[c], p->shift[c]), p->clamp_lo, p->clamp_hi);
        }
      }
    }
  }
  return TM_OK;
}
