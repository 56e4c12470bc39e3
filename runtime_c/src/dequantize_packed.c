/*
 * DEQUANTIZE of 4 or 2 bits, portable. Contract: tm/quantize_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/quantize_packed.h"

tm_status tm_dequantize_packed(const tm_quantize_packed_params *p, const void *x, float *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_packed_ok(&p->in, p->c, p->bits) || p->out.c != p->c || p->in.h != p->out.h || p->in.w != p->out.w || p->bits == 8) {
    return TM_ERR_SHAPE;
  }
  for (int32_t row = 0; row < p->out.h; ++row) {
    for (int32_t px = 0; px < p->out.w; ++px) {
      const uint8_t *in = (const uint8_t *)x + tm_row_offset(&p->in, row) + (ptrdiff_t)px * p->in.px_stride;
      float *out = y + tm_row_offset(&p->out, row) + (ptrdiff_t)px * p->out.px_stride;
      uint32_t v = 0;
      for (int32_t c = 0, have = 0; c < p->c; ++c, have -= p->bits, v >>= p->bits) {
        if (have == 0) {
          v = *in++;
          have = 8;
        }
        out[c] = (float)(tm_sign_low(v, p->bits) - p->zero_point) * p->scale;
      }
    }
  }
  return TM_OK;
}
