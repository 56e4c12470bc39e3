/*
 * QUANTIZE, float32 to 4 or 2 bits, portable. Contract: tm/quantize_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/quantize_packed.h"

tm_status tm_quantize_packed(const tm_quantize_packed_params *p, const float *x, void *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_packed_ok(&p->out, p->c, p->bits) || p->in.c != p->c || p->in.h != p->out.h || p->in.w != p->out.w) {
    return TM_ERR_SHAPE;
  }
  const uint32_t mask = (1u << p->bits) - 1u;
  for (int32_t row = 0; row < p->out.h; ++row) {
    for (int32_t px = 0; px < p->out.w; ++px) {
      const float *in = x + tm_row_offset(&p->in, row) + (ptrdiff_t)px * p->in.px_stride;
      uint8_t *out = (uint8_t *)y + tm_row_offset(&p->out, row) + (ptrdiff_t)px * p->out.px_stride;
      for (int32_t c = 0; c < p->c;) {
        uint32_t v = 0;
        for (int32_t at = 0; at < 8 && c < p->c; at += p->bits, ++c) {
          v |= ((uint32_t)tm_quantize_value(in[c], p->scale, p->zero_point, p->clamp_lo, p->clamp_hi) & mask) << at;
        }
        *out++ = (uint8_t)v;
      }
    }
  }
  return TM_OK;
}
