/*
 * RESIZE_NEAREST_NEIGHBOR, 1-byte elements, Armv8.1-M with Helium. Contract: tm/resize_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/resize_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/bytes_mve.h"

tm_status tm_resize_nearest_neighbor_b1_mve(const tm_resize_nearest_neighbor_params *p, const void *x, void *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_nearest_neighbor_fits(p)) {
    return TM_ERR_SHAPE;
  }
  const int16_t *rows = p->rows + p->out_y0;
  const int16_t *cols = p->cols + p->out_x0;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int8_t *row = (const int8_t *)x + tm_row_offset(&p->in, rows[oy] - p->in_y0);
    int8_t *dst = (int8_t *)y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const int8_t *src = row + (ptrdiff_t)(cols[ox] - p->in_x0) * p->in.px_stride;
      (void)tm_copy_bytes_mve(dst, src, p->out.c);
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_resize_nearest_neighbor_b1_mve_not_built;
#endif
