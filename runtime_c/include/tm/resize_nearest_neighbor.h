/*
 * RESIZE_NEAREST_NEIGHBOR.
 *
 *   y[oy,ox,c] = x[rows[oy], cols[ox], c]        oy, ox and the table entries are layer coordinates (tm/resize.h)
 *
 * x [H,W,C], y [OH,OW,C]; rows [OH], cols [OW] ascending, for the whole layer. The element size is in the name: b1 int8, b4 float32.
 * Range: H, W, OH, OW <= 32767. Alignment: b4 needs x and y aligned to 4 bytes. Aliasing: y may not overlap x except as the
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

tm_status tm_resize_nearest_neighbor_b1(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);
tm_status tm_resize_nearest_neighbor_b2(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);
tm_status tm_resize_nearest_neighbor_b4(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_NEAREST_NEIGHBOR_H */
