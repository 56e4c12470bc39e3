/*
 * DEQUANTIZE, uint8, portable. Contract: tm/dequantize.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/dequantize.h"

tm_status tm_dequantize_u8(const tm_dequantize_params *p, const uint8_t *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const float scale = p->scale;
  const int32_t zero_point = p->zero_point;
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const uint8_t *in_row = x + tm_row_offset(&p->in, row);
    float *out_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const uint8_t *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      float *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = (float)(in[i] - zero_point) * scale;
      }
    }
  }
  return TM_OK;
}
