/*
 * The leading fields shared by the params of the resize kernels.
 *
 * `in` and `out` may describe any rectangle of the layer: (in_y0,in_x0) and (out_y0,out_x0) are the layer coordinates of
 * their first pixels. in.c == out.c. Which layer row an output row reads is the kernel's formula; `in` must hold all of
 * them (TM_ERR_SHAPE otherwise, checked at entry).
 *
 * Order, a contract the planner relies on: output rows are produced in ascending order, pixels of a row from left to right.
 * All reads for output row y precede the first write of row y+1; rows read never go back above those of an earlier row.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_H
#define TM_RESIZE_H

#include "tm/base.h"

#define TM_RESIZE_FIELDS  \
  tm_geom in, out;        \
  int32_t in_y0, in_x0;   \
  int32_t out_y0, out_x0;

/* Whether layer rows or columns first..last lie in a view of n of them that begins at `from`. */
static inline int tm_resize_holds(int32_t from, int32_t n, int32_t first, int32_t last) {
  return first >= from && last - from < n;
}

#endif /* TM_RESIZE_H */
