/*
 * SOFTMAX, float32, portable. Contract: tm/softmax.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/softmax.h"
#include "tm/exp.h"

static void pixel(const float *x, float *y, int32_t depth, float beta) {
  float max = x[0];
  for (int32_t c = 1; c < depth; ++c) {
    max = x[c] > max ? x[c] : max;
  }
  float sum = 0.0f;
  for (int32_t c = 0; c < depth; ++c) {
    const float e = tm_exp_f32((x[c] - max) * beta);
    y[c] = e;
    sum += e;
  }
  for (int32_t c = 0; c < depth; ++c) {
    y[c] /= sum;
  }
}

tm_status tm_softmax_f32(const tm_softmax_f32_params *p, const float *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.h != p->out.h || p->in.w != p->out.w || p->in.c != p->out.c || p->in.c < 1) {
    return TM_ERR_SHAPE;
  }
  for (int32_t row = 0; row < p->out.h; ++row) {
    const float *in = x + tm_row_offset(&p->in, row);
    float *out = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < p->out.w; ++k) {
      pixel(in + (ptrdiff_t)k * p->in.px_stride, out + (ptrdiff_t)k * p->out.px_stride, p->in.c, p->beta);
    }
  }
  return TM_OK;
}
