/*
 * A chain of window operators, block by block. Contract: tm/chain.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/chain.h"

typedef struct span {
  int32_t lo, hi;
} span;

/* What a window operator reads for outputs lo..hi-1, clipped to its input. *pad: how much of the first window lies before it. */
static span reads(span want, int32_t stride, int32_t pad, int32_t size, int32_t extent, int32_t *before) {
  const int32_t first = want.lo * stride - pad;
  const int32_t last = (want.hi - 1) * stride - pad + size;
  span r;
  r.lo = tm_max_i32(first, 0);
  r.hi = tm_min_i32(last, extent);
  *before = r.lo - first;
  return r;
}

/* Drops the first `drop` of `held` columns of a window. */
static void slide(const tm_geom *g, uint32_t elem, uint8_t *window, int32_t rows, int32_t drop, int32_t held) {
  const uint32_t pixel = (uint32_t)g->px_stride * elem;
  const uint32_t kept = (uint32_t)(held - drop) * pixel;
  for (int32_t r = 0; r < rows; ++r) {
    uint8_t *row = window + (size_t)((uint32_t)r * (uint32_t)g->row_stride * elem);
    const uint8_t *from = row + (size_t)((uint32_t)drop * pixel);
    for (uint32_t k = 0; k < kept; ++k) {
      row[k] = from[k];
    }
  }
}

tm_status tm_chain_row(uint8_t *arena, const tm_link *links, int32_t n, int32_t pixels, uint32_t elem, int32_t y, const uint8_t *x,
                       uint8_t *out) {
  span rows[TM_CHAIN_LINKS];    /* of each link's output that this row needs */
  span columns[TM_CHAIN_LINKS]; /* of each link's output that lie in its window; of the last one: done */
  int32_t pad_top[TM_CHAIN_LINKS];
  if (arena == NULL || links == NULL || x == NULL || out == NULL || n < 2 || n > TM_CHAIN_LINKS || pixels < 1) {
    return TM_ERR_ARGUMENT;
  }
  rows[n - 1].lo = y;
  rows[n - 1].hi = y + 1;
  span source = rows[n - 1];
  for (int32_t i = n - 1; i >= 0; --i) {
    const tm_link *k = &links[i];
    rows[i] = source;
    source = reads(rows[i], k->stride_h, k->pad_top, k->size_h, k->in.h, &pad_top[i]);
    columns[i].lo = 0;
    columns[i].hi = 0;
  }
  const int32_t width = links[n - 1].out.w;
  while (columns[n - 1].hi < width) {
    span want[TM_CHAIN_LINKS]; /* new columns of each link's output */
    want[n - 1].lo = columns[n - 1].hi;
    want[n - 1].hi = tm_min_i32(columns[n - 1].hi + pixels, width);
    for (int32_t i = n - 1; i > 0; --i) {
      int32_t unused;
      const tm_link *k = &links[i];
      span *held = &columns[i - 1];
      const span need = reads(want[i], k->stride_w, k->pad_left, k->size_w, k->in.w, &unused);
      if (need.lo >= held->hi) {
        held->hi = need.lo; /* nothing held is needed again */
      } else if (need.lo > held->lo) {
        slide(&links[i - 1].out, elem, arena + links[i - 1].window, rows[i - 1].hi - rows[i - 1].lo, need.lo - held->lo,
              held->hi - held->lo);
      }
      held->lo = tm_max_i32(held->lo, need.lo);
      want[i - 1].lo = held->hi;
      want[i - 1].hi = tm_max_i32(need.hi, held->hi);
    }
    for (int32_t i = 0; i < n; ++i) {
      const tm_link *k = &links[i];
      tm_block b;
      const uint8_t *from = x;
      uint8_t *to = out;
      b.in = k->in;
      b.out = k->out;
      b.pad_top = pad_top[i];
      b.out.h = rows[i].hi - rows[i].lo;
      b.out.w = want[i].hi - want[i].lo;
      if (b.out.w > 0) {
        const int32_t first = want[i].lo * k->stride_w - k->pad_left;
        if (i == 0) {
          b.in.h = source.hi - source.lo;
          b.pad_left = -first;
          if (b.in.ring == 0) {
            from += (size_t)((uint32_t)source.lo * (uint32_t)b.in.row_stride * elem);
          } else {
            b.in.first = source.lo % b.in.ring;
          }
        } else {
          const tm_geom *window = &links[i - 1].out;
          from = arena + links[i - 1].window;
          b.in = *window;
          b.in.h = rows[i - 1].hi - rows[i - 1].lo;
          b.in.w = columns[i - 1].hi - columns[i - 1].lo;
          b.pad_left = columns[i - 1].lo - first;
        }
        const int32_t at = i < n - 1 ? want[i].lo - columns[i].lo : want[i].lo;
        to = (i < n - 1 ? arena + k->window : out) + (size_t)((uint32_t)at * (uint32_t)k->out.px_stride * elem);
        const tm_status status = k->run(arena, &b, from, to);
        if (status != TM_OK) {
          return status;
        }
      }
      columns[i].hi = want[i].hi;
    }
  }
  return TM_OK;
}
