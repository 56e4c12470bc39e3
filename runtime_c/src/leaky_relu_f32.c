/*
 * LEAKY_RELU, float32, portable. Contract: tm/leaky_relu.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/leaky_relu.h"

tm_status tm_leaky_relu_f32(const tm_leaky_relu_f32_params *p, const float *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const float alpha = p->alpha;
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const float *in_row = x + tm_row_offset(&p->in, row);
    float *out_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const float *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      float *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = in[i] > 0.0f ? in[i] : in[i] * alpha;
      }
    }
  }
  return TM_OK;
}
