/*
 * CONV_2D, int8, weights of 8, 4 or 2 bits, portable. Contract: tm/conv_2d_wn.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_wn.h"

#include "tm/packed.h"

/* The window of an output pixel, kernel_h * kernel_w pixels of in.c values, to dst. */
static void gather(const tm_conv_2d_i8_wn_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
    const int32_t iy = iy0 + ky * p->dilation_h;
    const int row_inside = iy >= 0 && iy < p->in.h;
    for (int32_t kx = 0; kx < p->kernel_w; ++kx) {
      const int32_t ix = ix0 + kx * p->dilation_w;
      if (row_inside && ix >= 0 && ix < p->in.w) {
        const int8_t *px = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)ix * p->in.px_stride;
        for (int32_t c = 0; c < ci; ++c) {
          dst[c] = px[c];
        }
      } else {
        for (int32_t c = 0; c < ci; ++c) {
          dst[c] = (int8_t)p->pad_value;
        }
      }
      dst += ci;
    }
  }
}

tm_status tm_conv_2d_i8_wn(const tm_conv_2d_i8_wn_params *p, const int8_t *x, const uint8_t *w, const int32_t *bias, int8_t *y,
                           void *scratch) {
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->weight_bits != 8 && p->weight_bits != 4 && p->weight_bits != 2) {
    return TM_ERR_SHAPE;
  }
  int8_t *window = (int8_t *)scratch;
  const int32_t k = p->kernel_h * p->kernel_w * p->in.c;
  const int32_t row_bytes = tm_packed_bytes(k, p->weight_bits);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *px = row + (ptrdiff_t)ox * p->out.px_stride;
      gather(p, x, window, oy * p->stride_h - p->pad_top, ox * p->stride_w - p->pad_left);
      for (int32_t c = 0; c < p->out.c; ++c) {
        const int32_t acc = tm_add_wrap_i32(bias[c], tm_packed_dot(window, w + (ptrdiff_t)c * row_bytes, k, p->weight_bits));
        const int32_t q = tm_requant(acc, p->mult[c], p->shift[c]);
        px[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
      }
    }
  }
  return TM_OK;
}
