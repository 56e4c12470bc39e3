/* RESIZE_NEAREST_NEIGHBOR, 1-byte elements. Contract: tm/resize_nearest_neighbor.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/resize_nearest_neighbor.h"

tm_status tm_resize_nearest_neighbor_b1(const tm_resize_nearest_neighbor_params *p, const void *x, void *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_nearest_neighbor_fits(p)) {
    return TM_ERR_SHAPE;
  }
  const int16_t *rows = p->rows + p->out_y0;
  const int16_t *cols = p->cols + p->out_x0;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const uint8_t *row = (const uint8_t *)x + tm_row_offset(&p->in, rows[oy] - p->in_y0);
    uint8_t *dst = (uint8_t *)y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const uint8_t *src = row + (ptrdiff_t)(cols[ox] - p->in_x0) * p->in.px_stride;
      for (int32_t c = 0; c < p->out.c; ++c) {
        dst[c] = src[c];
      }
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
