/*
 * Clamped line of int8 values, portable. Contract: tm/line.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/line.h"

/* n > 0 elements in a row; a function of its own for the registers. */
static TM_NOINLINE void run(const tm_line_i8_params *p, const int8_t *in, int8_t *out, int32_t n) {
  const int32_t mult = p->mult;
  const int32_t add = p->add;
  const int32_t shift = p->shift;
  const int32_t lo = p->clamp_lo;
  const int32_t hi = p->clamp_hi;
  do {
    int32_t v = (*in++ * mult + add) >> shift;
    v = v < lo ? lo : v;
    *out++ = (int8_t)(v > hi ? hi : v);
  } while (--n > 0);
}

tm_status tm_line_i8(const tm_line_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *in = x + tm_row_offset(&p->in, row);
    int8_t *out = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      run(p, in, out, runs.len);
      in += p->in.px_stride;
      out += p->out.px_stride;
    }
  }
  return TM_OK;
}
