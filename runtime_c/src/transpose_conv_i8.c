/*
 * TRANSPOSE_CONV, int8, portable. Contract: tm/transpose_conv.h.
 *
 * Gathers: each output pixel collects the taps that reach it, so that no sums have to be kept between pixels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/transpose_conv.h"

#include "tm/transpose_taps.h"

/* Sum over the taps that reach the output pixel; ty = oy + pad_top, tx = ox + pad_left. w: the output channel's kernel. */
static int32_t pixel_sum(const tm_transpose_conv_i8_params *p, const int8_t *x, const int8_t *w, int32_t ty, int32_t tx) {
  int32_t acc = 0;
  for (int32_t ky = tm_first_tap(ty, p->stride_h); ky < p->kernel_h; ky += p->stride_h) {
    const int32_t iy = (ty - ky) / p->stride_h;
    if (iy < 0 || iy >= p->in.h) {
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    for (int32_t kx = tm_first_tap(tx, p->stride_w); kx < p->kernel_w; kx += p->stride_w) {
      const int32_t ix = (tx - kx) / p->stride_w;
      if (ix < 0 || ix >= p->in.w) {
        continue;
      }
      const int8_t *px = row + (ptrdiff_t)ix * p->in.px_stride;
      const int8_t *tap = w + ((ptrdiff_t)ky * p->kernel_w + kx) * p->in.c;
      for (int32_t c = 0; c < p->in.c; ++c) {
        acc += ((int32_t)px[c] - p->in_zero_point) * tap[c];
      }
    }
  }
  return acc;
}

tm_status tm_transpose_conv_i8(const tm_transpose_conv_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                               int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->stride_h <= 0 || p->stride_w <= 0 || p->dilation_h != 1 || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  const ptrdiff_t filter = (ptrdiff_t)p->kernel_h * p->kernel_w * p->in.c;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      for (int32_t c = 0; c < p->out.c; ++c) {
        const int32_t sum = pixel_sum(p, x, w + c * filter, oy + p->pad_top, ox + p->pad_left);
        const int32_t q = tm_requant(tm_add_wrap_i32(bias[c], sum), p->mult[c], p->shift[c]);
        px[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
      }
    }
  }
  return TM_OK;
}
