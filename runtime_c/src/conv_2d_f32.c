/* CONV_2D, float32, portable. Contract: tm/conv_2d.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/conv_2d.h"

static float pixel_sum(const tm_conv_2d_f32_params *p, const float *x, const float *w, int32_t iy0, int32_t ix0, int32_t ci) {
  float acc = 0.0f;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      if (iy >= 0 && iy < p->in.h && ix >= 0 && ix < p->in.w) {
        const float *px = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)ix * p->in.px_stride;
        for (int32_t c = 0; c < ci; ++c) {
          acc += px[c] * w[c];
        }
      }
      w += ci;
    }
  }
  return acc;
}

tm_status tm_conv_2d_f32(const tm_conv_2d_f32_params *p, const float *x, const float *w, const float *bias, float *y,
                         void *scratch) {
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
    float *row = y + tm_row_offset(&p->out, oy);
    const int32_t iy0 = oy * p->stride_h - p->pad_top;
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      float *px = row + (ptrdiff_t)ox * p->out.px_stride;
      const int32_t ix0 = ox * p->stride_w - p->pad_left;
      for (int32_t c = 0; c < p->out.c; ++c) {
        const float *group = x + (ptrdiff_t)(c / co) * ci;
        const float acc = pixel_sum(p, group, w + (ptrdiff_t)c * filter, iy0, ix0, ci) + bias[c];
        px[c] = tm_clamp_f32(acc, p->clamp_lo, p->clamp_hi);
      }
    }
  }
  return TM_OK;
}
