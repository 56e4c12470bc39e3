/*
 * MEAN, packed operands, portable. Contract: tm/mean_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/mean_packed.h"

tm_status tm_mean_packed(const tm_mean_packed_params *p, const void *x, void *y, void *scratch) {
  if (p == NULL || x == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const tm_geom *g = &p->in;
  if (!tm_packed_ok(g, p->c, p->in_bits)) {
    return TM_ERR_SHAPE;
  }
  int32_t *acc = (int32_t *)scratch;
  int8_t *pixel = (int8_t *)(acc + p->c);
  const int32_t h_step = p->reduce_h != 0 ? g->h : 1;
  const int32_t w_step = p->reduce_w != 0 ? g->w : 1;
  for (int32_t h0 = 0; h0 < g->h; h0 += h_step) {
    for (int32_t w0 = 0; w0 < g->w; w0 += w_step) {
      for (int32_t c = 0; c < p->c; ++c) {
        acc[c] = p->offset;
      }
      for (int32_t h = h0; h < h0 + h_step; ++h) {
        for (int32_t w = w0; w < w0 + w_step; ++w) {
          tm_unpack(pixel, (const uint8_t *)x + tm_row_offset(g, h) + (ptrdiff_t)w * g->px_stride, p->c, p->in_bits);
          for (int32_t c = 0; c < p->c; ++c) {
            acc[c] += pixel[c];
          }
        }
      }
      for (int32_t c = 0; c < p->c; ++c) {
        const int32_t q = tm_requant(acc[c], p->mult, p->shift);
        pixel[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
      }
      tm_pack((uint8_t *)y + (ptrdiff_t)h0 * p->out_h_stride + (ptrdiff_t)w0 * p->out_w_stride, pixel, p->c, p->out_bits, p->clamp_lo,
              p->clamp_hi);
    }
  }
  return TM_OK;
}
