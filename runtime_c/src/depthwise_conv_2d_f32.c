/*
 * DEPTHWISE_CONV_2D, float32, portable. Contract: tm/depthwise_conv_2d.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d.h"

static float pixel_sum(const tm_depthwise_conv_2d_f32_params *p, const float *x, const float *w, int32_t iy0, int32_t ix0, int32_t c) {
  float acc = 0.0f;
  const int32_t ci = c / p->multiplier;
  w += c;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      if (iy >= 0 && iy < p->in.h && ix >= 0 && ix < p->in.w) {
        acc += x[tm_row_offset(&p->in, iy) + (ptrdiff_t)ix * p->in.px_stride + ci] * w[0];
      }
      w += p->out.c;
    }
  }
  return acc;
}

tm_status tm_depthwise_conv_2d_f32(const tm_depthwise_conv_2d_f32_params *p, const float *x, const float *w,
                                   const float *bias, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->multiplier <= 0 || p->out.c != p->in.c * p->multiplier) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    float *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      float *px = row + (ptrdiff_t)ox * p->out.px_stride;
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      for (int32_t c = 0; c < p->out.c; ++c) {
        px[c] = tm_clamp_f32(pixel_sum(p, x, w, iy0, ix0, c) + bias[c], p->clamp_lo, p->clamp_hi);
      }
    }
  }
  return TM_OK;
}
