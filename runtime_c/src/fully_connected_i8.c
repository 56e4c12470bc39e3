/*
 * FULLY_CONNECTED, int8, portable. Contract: tm/fully_connected.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected.h"

tm_status tm_fully_connected_i8(const tm_fully_connected_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                                int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t r = 0; r < p->rows; ++r) {
    const int8_t *weights = w;
    for (int32_t m = 0; m < p->out_c; ++m) {
      int32_t acc = 0;
      for (int32_t k = 0; k < p->in_c; ++k) {
        acc += (int32_t)x[k] * weights[k];
      }
      const int32_t q = tm_requant_once(tm_add_wrap_i32(bias[m], acc), p->mult[m], p->shift[m]);
      y[m] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
      weights += p->in_c;
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
