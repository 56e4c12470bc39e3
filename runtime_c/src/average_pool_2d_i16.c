/*
 * AVERAGE_POOL_2D, int16, portable. Contract: tm/average_pool_2d_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/average_pool_2d_i16.h"
#include "tm/pool.h"

enum { BLOCK = 4 }; /* channels whose sums stay in registers while the window is walked once */

tm_status tm_average_pool_2d_i16(const tm_average_pool_2d_i16_params *p, const int16_t *x, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->dilation_h != 1 || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int16_t *row = y + tm_row_offset(&p->out, oy);
    const tm_span ys = tm_pool_span(oy, p->stride_h, p->pad_top, p->kernel_h, p->in.h);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int16_t *out = row + (ptrdiff_t)ox * p->out.px_stride;
      const tm_span xs = tm_pool_span(ox, p->stride_w, p->pad_left, p->kernel_w, p->in.w);
      if (ys.from >= ys.end || xs.from >= xs.end) {
        return TM_ERR_SHAPE;
      }
      const int32_t count = (ys.end - ys.from) * (xs.end - xs.from);
      const int32_t half = count / 2;
      for (int32_t c = 0; c < p->out.c; c += BLOCK) {
        const int32_t n = tm_min_i32(BLOCK, p->out.c - c);
        int32_t acc[BLOCK] = {0, 0, 0, 0};
        for (int32_t iy = ys.from; iy < ys.end; ++iy) {
          const int16_t *in = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)xs.from * p->in.px_stride + c;
          for (int32_t kx = 0; kx < xs.end - xs.from; ++kx) {
            const int16_t *px = in + (ptrdiff_t)kx * p->in.px_stride;
            for (int32_t k = 0; k < n; ++k) {
              acc[k] += px[k];
            }
          }
        }
        for (int32_t k = 0; k < n; ++k) {
          /* C's division truncates, so half the count is added away from zero */
          const int32_t mean = (acc[k] + (acc[k] > 0 ? half : -half)) / count;
          out[c + k] = (int16_t)tm_clamp_i32(mean, p->clamp_lo, p->clamp_hi);
        }
      }
    }
  }
  return TM_OK;
}
