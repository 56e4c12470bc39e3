/*
 * Depthwise convolution pixel by pixel (tm/depthwise_conv_2d_pixel.h): the walk over pixels, for kernels that bring the sums.
 *
 * Taps are found through a list of offsets from the window's first pixel, which changes with the row and at the borders only;
 * taps outside lead to a pixel of padding.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_PIXEL_WALK_H
#define TM_DEPTHWISE_PIXEL_WALK_H

#include "tm/depthwise_conv_2d_pixel.h"

/* mult, add, shift of a channel, as the stream has them. */
typedef struct tm_pixel_constants {
  int32_t mult, add, shift;
} tm_pixel_constants;

/*
 * What the including file defines: four channels of a pixel, from the stream at w, the list of taps and the window's first pixel x
 * to y. Returns the stream behind them.
 */
static const int32_t *tm_four_channels(const int32_t *w, const int32_t *taps, const int32_t *taps_end, const int8_t *x, int8_t *y,
                                       int32_t any_sign);

/* Offsets of the taps from the pixel at that the window begins with; those outside lead to pad. */
static inline void tm_list_taps(const tm_depthwise_conv_2d_i8_pixel_params *p, const int8_t *x, const int8_t *at, const int8_t *pad,
                                int32_t iy0, int32_t ix0, int32_t *taps) {
  const int32_t outside = (int32_t)((uintptr_t)pad - (uintptr_t)at);
  const int32_t base = (int32_t)((uintptr_t)x - (uintptr_t)at) + ix0 * p->in.px_stride;
  const int32_t step = p->dilation_w * p->in.px_stride;
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    int32_t offset = base + (row_inside ? (int32_t)tm_row_offset(&p->in, iy) : 0);
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      *taps++ = row_inside && ix >= 0 && ix < p->in.w ? offset : outside;
      offset += step;
    }
  }
}

/* The whole kernel. */
static inline tm_status tm_depthwise_pixels(const tm_depthwise_conv_2d_i8_pixel_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                            void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t c = p->in.c;
  if (c < 4 || c != p->out.c) {
    return TM_ERR_SHAPE;
  }
  int32_t *taps = (int32_t *)scratch;
  int32_t *taps_end = taps + p->kernel_h * p->kernel_w;
  int8_t *pad = (int8_t *)taps_end;
  for (int32_t k = 0; k < c; ++k) {
    pad[k] = (int8_t)p->pad_value;
  }
  const ptrdiff_t advance = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const int32_t extent = (p->kernel_w - 1) * p->dilation_w;
  for (int32_t oy = 0, iy = -p->pad_top; oy < p->out.h; ++oy, iy += p->stride_h) {
    int8_t *out = y + tm_row_offset(&p->out, oy);
    /* the list is the same for neighbours whose taps are all inside */
    const int rows_inside = iy >= 0 && iy + (p->kernel_h - 1) * p->dilation_h < p->in.h;
    int listed = 0;
    const int8_t *at = x - (ptrdiff_t)p->pad_left * p->in.px_stride;
    for (int32_t ox = 0, ix = -p->pad_left; ox < p->out.w; ++ox, ix += p->stride_w) {
      const int inside = rows_inside && ix >= 0 && ix + extent < p->in.w;
      if (!inside || !listed) {
        tm_list_taps(p, x, at, pad, iy, ix, taps);
        listed = inside;
      }
      /* channels are counted from the window's first pixel, for padding too: a pixel of it is as long as any other one */
      const int32_t *stream = w;
      for (int32_t from = 0; from < c; from += 4) {
        const int32_t first = tm_min_i32(from, c - 4);
        stream = tm_four_channels(stream, taps, taps_end, at + first, out + first, p->any_sign);
      }
      out += p->out.px_stride;
      at += advance;
    }
  }
  return TM_OK;
}
#endif /* TM_DEPTHWISE_PIXEL_WALK_H */
