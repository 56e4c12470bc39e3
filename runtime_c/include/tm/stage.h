/*
 * Fused stages: several operators run together, row by row, so that the tensors between them never exist as a whole.
 *
 * Generated code has a function per operator that computes its row y (or takes in its input row y), and a table with the
 * order in which they are called. The order is computed and proven at compile time; nothing is decided here.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_STAGE_H
#define TM_STAGE_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Row y of one operator, 0 <= y. Called with ascending y. */
typedef tm_status (*tm_row_fn)(uint8_t *arena, int32_t y);

/*
 * Runs rows[order[0]], rows[order[1]], ... rows[order[n-1]], each function with its own count of calls so far.
 * next: as many counters as there are functions, all 0. Returns the first status that is not TM_OK.
 */
static inline tm_status tm_stage_run(uint8_t *arena, const tm_row_fn *rows, const uint8_t *order, uint32_t n, uint16_t *next) {
  for (uint32_t k = 0; k < n; ++k) {
    const uint32_t op = order[k];
    const tm_status status = rows[op](arena, (int32_t)next[op]++);
    if (status != TM_OK) {
      return status;
    }
  }
  return TM_OK;
}

/*
 * A stage whose input comes row by row: a NULL in `rows` stands for the caller, who puts the next input row into its slot
 * and then calls this. Runs all that the row allows, up to where the next one is needed. y counts the input's rows; row 0
 * begins anew. state: 4-byte aligned, 4 bytes + 2 per function, kept by the caller from row to row: the position in
 * `order`, then the functions' counters.
 */
static inline tm_status tm_stage_push(uint8_t *arena, const tm_row_fn *rows, uint32_t functions, const uint8_t *order,
                                      uint32_t n, uint32_t *state, int32_t y) {
  uint16_t *next = (uint16_t *)(state + 1);
  if (y == 0) {
    *state = 0;
    for (uint32_t k = 0; k < functions; ++k) {
      next[k] = 0;
    }
  }
  if (*state < n && rows[order[*state]] == NULL) {
    ++*state;
  }
  for (; *state < n && rows[order[*state]] != NULL; ++*state) {
    const uint32_t op = order[*state];
    const tm_status status = rows[op](arena, (int32_t)next[op]++);
    if (status != TM_OK) {
      return status;
    }
  }
  return TM_OK;
}

/*
 * The view of a window kernel (tm/window.h) for one output row: its input rows first .. first+size-1, of which those in
 * [0, height) exist. in: the geometry of the whole tensor's rows on entry, of the view's on return. *pad_top is set.
 * ring: row slots of the tensor, 0 where it is whole. Returns how many elements above the tensor's start the view begins.
 */
static inline ptrdiff_t tm_window_row(tm_geom *in, int32_t *pad_top, int32_t first, int32_t size, int32_t height, int32_t ring) {
  const int32_t lo = tm_max_i32(first, 0);
  in->h = tm_min_i32(first + size, height) - lo;
  *pad_top = lo - first;
  if (ring == 0) {
    return (ptrdiff_t)lo * (ptrdiff_t)in->row_stride;
  }
  in->ring = ring;
  in->first = lo % ring;
  return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* TM_STAGE_H */
