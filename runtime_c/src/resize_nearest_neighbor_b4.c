/* RESIZE_NEAREST_NEIGHBOR, 4-byte elements. Contract: tm/resize_nearest_neighbor.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/resize_nearest_neighbor.h"

/* elements may be float or int32: this type may alias both */
#if defined(__GNUC__)
typedef uint32_t __attribute__((may_alias)) word;
#else
typedef uint32_t word;
#endif

tm_status tm_resize_nearest_neighbor_b4(const tm_resize_nearest_neighbor_params *p, const void *x, void *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_nearest_neighbor_fits(p)) {
    return TM_ERR_SHAPE;
  }
  const int16_t *rows = p->rows + p->out_y0;
  const int16_t *cols = p->cols + p->out_x0;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const word *row = (const word *)x + tm_row_offset(&p->in, rows[oy] - p->in_y0);
    word *dst = (word *)y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const word *src = row + (ptrdiff_t)(cols[ox] - p->in_x0) * p->in.px_stride;
      for (int32_t c = 0; c < p->out.c; ++c) {
        dst[c] = src[c];
      }
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
