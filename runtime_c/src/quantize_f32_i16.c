/*
 * QUANTIZE, float32 to int16, portable. Contract: tm/quantize_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/quantize_i16.h"

tm_status tm_quantize_f32_i16(const tm_quantize_f32_params *p, const float *x, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_quantize_f32_params q = *p; /* a store to y might alias *p for all the compiler knows */
  const tm_runs runs = tm_runs_of(&q.in, &q.out);
  for (int32_t row = 0; row < q.out.h; ++row) {
    const float *in_row = x + tm_row_offset(&q.in, row);
    int16_t *out_row = y + tm_row_offset(&q.out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const float *in = in_row + (ptrdiff_t)k * q.in.px_stride;
      int16_t *out = out_row + (ptrdiff_t)k * q.out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = (int16_t)tm_quantize_value(in[i], q.scale, q.zero_point, INT16_MIN, INT16_MAX);
      }
    }
  }
  return TM_OK;
}
