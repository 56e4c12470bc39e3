/*
 * FULLY_CONNECTED, float32, portable. Contract: tm/fully_connected.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected.h"

tm_status tm_fully_connected_f32(const tm_fully_connected_f32_params *p, const float *x, const float *w, const float *bias,
                                 float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t r = 0; r < p->rows; ++r) {
    const float *weights = w;
    for (int32_t m = 0; m < p->out_c; ++m) {
      float acc = 0.0f;
      for (int32_t k = 0; k < p->in_c; ++k) {
        acc += x[k] * weights[k];
      }
      y[m] = tm_clamp_f32(acc + bias[m], p->clamp_lo, p->clamp_hi);
      weights += p->in_c;
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
