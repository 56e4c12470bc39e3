/* TANH, float32, portable. Contract: tm/tanh.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/tanh.h"

#include "tm/exp.h"

static float tanh_one(float x) {
  const float size = x < 0.0f ? -x : x;
  if (size < 0.25f) {
    const float s = x * x;
    return x * (1.0f + s * (-1.0f / 3.0f + s * (2.0f / 15.0f + s * (-17.0f / 315.0f + s * (62.0f / 2835.0f)))));
  }
  const float t = 1.0f - 2.0f / (tm_exp_f32(2.0f * size) + 1.0f);
  return x < 0.0f ? -t : t;
}

tm_status tm_tanh_f32(const tm_tanh_f32_params *p, const float *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const float *in_row = x + tm_row_offset(&p->in, row);
    float *out_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const float *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      float *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = tanh_one(in[i]);
      }
    }
  }
  return TM_OK;
}
