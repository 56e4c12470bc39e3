/*
 * Table look-up of 8-bit values, portable. Contract: tm/lut.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/lut.h"

tm_status tm_lut_i8(const tm_lut_i8_params *p, const void *x, const uint8_t *lut, void *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || lut == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out)) {
    return TM_ERR_SHAPE;
  }
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const uint8_t *in_row = (const uint8_t *)x + tm_row_offset(&p->in, row);
    uint8_t *out_row = (uint8_t *)y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const uint8_t *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      uint8_t *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = lut[in[i]];
      }
    }
  }
  return TM_OK;
}
