/*
 * MEAN, int16, portable. Contract: tm/mean_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/mean_i16.h"

enum { BLOCK = 4 }; /* channels whose sums stay in registers while the averaged pixels are walked once */

static int16_t output(const tm_mean_i16_params *p, int32_t sum) {
  return (int16_t)tm_clamp_i32(tm_requant(sum, p->mult, p->shift), INT16_MIN, INT16_MAX);
}

/* Sums of n <= BLOCK channels from c on, over rows [h0,h1) and columns [w0,w1). */
static void sum_pixels(const tm_geom *g, const int16_t *x, int32_t h0, int32_t h1, int32_t w0, int32_t w1, int32_t c, int32_t n,
                       int32_t acc[BLOCK]) {
  for (int32_t h = h0; h < h1; ++h) {
    const int16_t *px = x + tm_row_offset(g, h) + (ptrdiff_t)w0 * g->px_stride + c;
    for (int32_t w = w0; w < w1; ++w) {
      if (n == BLOCK) {
        acc[0] += px[0];
        acc[1] += px[1];
        acc[2] += px[2];
        acc[3] += px[3];
      } else {
        for (int32_t k = 0; k < n; ++k) {
          acc[k] += px[k];
        }
      }
      px += g->px_stride;
    }
  }
}

tm_status tm_mean_i16(const tm_mean_i16_params *p, const int16_t *x, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const tm_geom *g = &p->in;
  const int32_t h_step = p->reduce_h != 0 ? g->h : 1;
  const int32_t w_step = p->reduce_w != 0 ? g->w : 1;
  for (int32_t h = 0; h < g->h; h += h_step) {
    for (int32_t w = 0; w < g->w; w += w_step) {
      int16_t *out = y + (ptrdiff_t)h * p->out_h_stride + (ptrdiff_t)w * p->out_w_stride;
      int32_t total = 0;
      for (int32_t c = 0; c < g->c; c += BLOCK) {
        const int32_t n = tm_min_i32(BLOCK, g->c - c);
        int32_t acc[BLOCK] = {0, 0, 0, 0};
        sum_pixels(g, x, h, h + h_step, w, w + w_step, c, n, acc);
        for (int32_t k = 0; k < n; ++k) {
          if (p->reduce_c != 0) {
            total += acc[k];
          } else {
            out[(ptrdiff_t)(c + k) * p->out_c_stride] = output(p, acc[k]);
          }
        }
      }
      if (p->reduce_c != 0) {
        *out = output(p, total);
      }
    }
  }
  return TM_OK;
}
