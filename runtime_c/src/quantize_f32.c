/*
 * QUANTIZE, float32 to 8 bits, portable. Contract: tm/quantize.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/quantize.h"

tm_status tm_quantize_f32(const tm_quantize_f32_params *p, const float *x, void *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const float scale = p->scale;
  const int32_t zero_point = p->zero_point;
  const int32_t lo = p->clamp_lo;
  const int32_t hi = p->clamp_hi;
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const float *in_row = x + tm_row_offset(&p->in, row);
    uint8_t *out_row = (uint8_t *)y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const float *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      uint8_t *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = (uint8_t)tm_quantize_value(in[i], scale, zero_point, lo, hi);
      }
    }
  }
  return TM_OK;
}
