/*
 * Clamp of int8 values, portable. Contract: tm/clip.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/clip.h"

tm_status tm_clip_i8(const tm_clip_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const int32_t lo = p->clamp_lo;
  const int32_t hi = p->clamp_hi;
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *in_row = x + tm_row_offset(&p->in, row);
    int8_t *out_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const int8_t *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      int8_t *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = (int8_t)tm_clamp_i32(in[i], lo, hi);
      }
    }
  }
  return TM_OK;
}
