/*
 * What every element-wise kernel shares: its order, its aliasing rule, and how it walks rows.
 *
 * Order, a contract the planner relies on: elements are visited in ascending order of row, pixel, channel. Output element i is
 * written after element i of every operand was read, and no operand element below i is read after that.
 * Aliasing: the output may be exactly an operand of the same geometry and element size (in place), or lie below it such that
 * no element is written before its operand was read; it may not overlap anything else. Pointers are therefore not `restrict`.
 * Alignment: that of the element type. Scratch: none; the argument is not used and may be NULL.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the geometries do not have the same extent.
 *
 * Geometries may describe any rectangle and may be rings (base.h).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_ELEMENTWISE_H
#define TM_ELEMENTWISE_H

#include "tm/base.h"

/* A row as `count` runs of `len` consecutive elements: one run where pixels touch in every tensor. */
typedef struct tm_runs {
  int32_t count, len;
} tm_runs;

static inline tm_runs tm_runs_of(const tm_geom *in, const tm_geom *out) {
  const int joined = in->px_stride == in->c && out->px_stride == out->c;
  tm_runs r;
  r.count = joined ? 1 : out->w;
  r.len = joined ? out->w * out->c : out->c;
  return r;
}

static inline int tm_same_extent(const tm_geom *a, const tm_geom *b) { return a->h == b->h && a->w == b->w && a->c == b->c; }

/*
 * Two operands that broadcast: each has the output's h and w, with stride 0 where a row or pixel is repeated, and the
 * output's c or one channel that all channels share. Per run, an operand advances by its step (0 or 1) each element.
 */
typedef struct tm_pair_runs {
  int32_t count, len, step_a, step_b;
} tm_pair_runs;

static inline int tm_broadcasts_to(const tm_geom *g, const tm_geom *out) {
  return g->h == out->h && g->w == out->w && (g->c == out->c || g->c == 1);
}

static inline tm_pair_runs tm_pair_runs_of(const tm_geom *a, const tm_geom *b, const tm_geom *out) {
  const int join_a = (a->c == out->c && a->px_stride == a->c) || (a->c == 1 && a->px_stride == 0);
  const int join_b = (b->c == out->c && b->px_stride == b->c) || (b->c == 1 && b->px_stride == 0);
  const int joined = join_a && join_b && out->px_stride == out->c;
  tm_pair_runs r;
  r.count = joined ? 1 : out->w;
  r.len = joined ? out->w * out->c : out->c;
  r.step_a = joined ? (a->px_stride == 0 ? 0 : 1) : (a->c == out->c ? 1 : 0);
  r.step_b = joined ? (b->px_stride == 0 ? 0 : 1) : (b->c == out->c ? 1 : 0);
  return r;
}

#endif /* TM_ELEMENTWISE_H */
