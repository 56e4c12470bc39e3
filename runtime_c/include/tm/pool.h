/*
 * Where the window of a pool lies in its input, along one axis. For every kernel of AVERAGE_POOL_2D and MAX_POOL_2D: padding
 * takes no part in either.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_POOL_H
#define TM_POOL_H

#include "tm/window.h"

/* Rows or columns from <= i < end; none where the whole window is padding. */
typedef struct tm_span {
  int32_t from, end;
} tm_span;

/* What output row or column `at` reads of `extent` rows or columns, without dilation. */
static inline tm_span tm_pool_span(int32_t at, int32_t stride, int32_t pad, int32_t kernel, int32_t extent) {
  const int32_t first = at * stride - pad;
  tm_span s;
  s.from = tm_max_i32(first, 0);
  s.end = tm_min_i32(first + kernel, extent);
  return s;
}

#endif /* TM_POOL_H */
