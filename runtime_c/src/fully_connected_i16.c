/*
 * FULLY_CONNECTED, int16, portable. Contract: tm/fully_connected_i16.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_i16.h"

/* clamp(round(v), lo, hi), halves away from zero; lo and hi are in the range of int16. Only exact operations on v. */
static int16_t rounded(double v, int32_t lo, int32_t hi) {
  if (v <= (double)lo) {
    return (int16_t)lo;
  }
  if (v >= (double)hi) {
    return (int16_t)hi;
  }
  const int32_t whole = (int32_t)v;
  return (int16_t)(whole + (v >= (double)whole + 0.5 ? 1 : 0) - (v <= (double)whole - 0.5 ? 1 : 0));
}

tm_status tm_fully_connected_i16(const tm_fully_connected_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias,
                                 int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t r = 0; r < p->rows; ++r) {
    const int8_t *weights = w;
    for (int32_t m = 0; m < p->out_c; ++m) {
      const int64_t acc = bias[m] + tm_dot_i16_i8(x, weights, p->in_c);
      y[m] = rounded((double)acc * p->scale[m], p->clamp_lo, p->clamp_hi);
      weights += p->in_c;
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
