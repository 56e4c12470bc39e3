/*
 * Tiles of a fused stage, one after the other. Contract: tm/tiles.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/tiles.h"

typedef struct span {
  int32_t lo, hi;
} span;

/* What a window operator reads for outputs `want`, clipped to its input. *before: how much of the first window lies in front. */
static span reads(span want, int32_t stride, int32_t pad, int32_t size, int32_t extent, int32_t *before) {
  const int32_t first = want.lo * stride - pad;
  span r;
  r.lo = tm_max_i32(first, 0);
  r.hi = tm_min_i32((want.hi - 1) * stride - pad + size, extent);
  *before = r.lo - first;
  return r;
}

static span entry(const uint16_t *table, uint32_t k) {
  span s;
  s.lo = (int32_t)table[2 * k];
  s.hi = (int32_t)table[2 * k + 1];
  return s;
}

/* A rectangle of an operand; y0, x0: the tensor's row and column that lie at its start. */
static uint8_t *view(uint8_t *arena, const tm_tile_operand *o, span rows, span columns, int32_t y0, int32_t x0, tm_geom *g) {
  ptrdiff_t at = (ptrdiff_t)(columns.lo - x0) * (ptrdiff_t)o->px_stride;
  g->h = rows.hi - rows.lo;
  g->w = columns.hi - columns.lo;
  g->c = (int32_t)o->c;
  g->row_stride = o->row_stride;
  g->px_stride = o->px_stride;
  g->ring = (int32_t)o->ring;
  g->first = 0;
  if (o->ring == 0) {
    at += (ptrdiff_t)(rows.lo - y0) * (ptrdiff_t)o->row_stride;
  } else {
    g->first = rows.lo % (int32_t)o->ring;
  }
  return tm_arena(arena, o->arena) + o->at + at * (ptrdiff_t)o->elem;
}

/* One operator on one rectangle of tile (i, j). */
static tm_status run(uint8_t *arena, const tm_grid *g, const tm_tile_op *op, uint32_t i, uint32_t j, span rows, span columns) {
  tm_tile_view v;
  v.pad_top = 0;
  v.pad_left = 0;
  for (uint32_t k = 0; k < op->count; ++k) {
    const tm_tile_operand *o = &op->operands[k];
    span y = rows;
    span x = columns;
    int32_t y0 = 0;
    int32_t x0 = 0;
    if (o->maker != 0) {
      const uint32_t made = (uint32_t)o->maker - 1u;
      y0 = g->strips ? 0 : (int32_t)g->rows[2u * (i * g->n + made)];
      x0 = (int32_t)g->columns[2u * (j * g->n + made)];
    }
    if (k + 1u < op->count) {
      y = reads(rows, (int32_t)op->stride_h, (int32_t)op->pad_top, (int32_t)op->size_h, (int32_t)o->h, &v.pad_top);
      x = reads(columns, (int32_t)op->stride_w, (int32_t)op->pad_left, (int32_t)op->size_w, (int32_t)o->w, &v.pad_left);
    }
    v.data[k] = view(arena, o, y, x, y0, x0, &v.geom[k]);
  }
  return op->run(arena, &v);
}

tm_status tm_tiles_run(uint8_t *arena, const tm_grid *g, uint16_t *next) {
  if (arena == NULL || g == NULL || next == NULL || g->ops == NULL || g->columns == NULL || g->order == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (uint32_t i = 0; i < g->grid_h; ++i) {
    for (uint32_t j = 0; j < g->grid_w; ++j) {
      for (uint32_t p = 0; p < g->n; ++p) {
        next[p] = 0;
      }
      for (uint32_t k = 0; k < g->calls; ++k) {
        const uint32_t p = g->order[k];
        const span columns = entry(g->columns, j * g->n + p);
        span rows;
        if (g->strips) {
          rows.lo = (int32_t)next[p]++;
          rows.hi = rows.lo + 1;
        } else {
          rows = entry(g->rows, i * g->n + p);
        }
        const tm_status status = run(arena, g, &g->ops[p], i, j, rows, columns);
        if (status != TM_OK) {
          return status;
        }
      }
    }
  }
  return TM_OK;
}
