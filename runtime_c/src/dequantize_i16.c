/*
 * DEQUANTIZE, int16 to float32, portable. Contract: tm/quantize_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/quantize_i16.h"

tm_status tm_dequantize_i16(const tm_dequantize_params *p, const int16_t *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_dequantize_params q = *p; /* a store to y might alias *p for all the compiler knows */
  const tm_runs runs = tm_runs_of(&q.in, &q.out);
  for (int32_t row = 0; row < q.out.h; ++row) {
    const int16_t *in_row = x + tm_row_offset(&q.in, row);
    float *out_row = y + tm_row_offset(&q.out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const int16_t *in = in_row + (ptrdiff_t)k * q.in.px_stride;
      float *out = out_row + (ptrdiff_t)k * q.out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = (float)(in[i] - q.zero_point) * q.scale;
      }
    }
  }
  return TM_OK;
}
