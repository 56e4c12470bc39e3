/*
 * RESIZE_NEAREST_NEIGHBOR.
 *
 *   y[oy,ox,c] = x[rows[oy], cols[ox], c]        oy, ox and the table entries are layer coordinates (tm/resize.h)
 *
 * x [H,W,C], y [OH,OW,C]; rows [OH], cols [OW] ascending, for the whole layer. The element size is in the name: b1 int8, b2 int16, b4 float32.
 * Range: H, W, OH, OW <= 32767. Alignment: x and y to the element size. Aliasing: y may not overlap x except as the
 * planner proves from the order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where in.c != out.c or `in` lacks a row or column.
 * Numerics: LiteRT reference_ops::ResizeNearestNeighbor; the tables are its positions.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_NEAREST_NEIGHBOR_H
#define TM_RESIZE_NEAREST_NEIGHBOR_H

#include "tm/resize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_resize_nearest_neighbor_params {
  TM_RESIZE_FIELDS
  const int16_t *rows;
  const int16_t *cols;
} tm_resize_nearest_neighbor_params;

/* Whether the extents are valid, and `in` holds all rows and columns that are read. */
static inline int tm_resize_nearest_neighbor_fits(const tm_resize_nearest_neighbor_params *p) {
  if (p->in.c != p->out.c || p->out.h < 1 || p->out.w < 1) {
    return 0;
  }
  const int16_t *rows = p->rows + p->out_y0;
  const int16_t *cols = p->cols + p->out_x0;
  return tm_resize_holds(p->in_y0, p->in.h, rows[0], rows[p->out.h - 1]) &&
         tm_resize_holds(p->in_x0, p->in.w, cols[0], cols[p->out.w - 1]);
}

tm_status tm_resize_nearest_neighbor_b1(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);
tm_status tm_resize_nearest_neighbor_b2(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);
tm_status tm_resize_nearest_neighbor_b4(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_NEAREST_NEIGHBOR_H */
