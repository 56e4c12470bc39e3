/*
 * Table look-up of packed values, portable. Contract: tm/lut_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/lut_packed.h"

tm_status tm_lut_packed(const tm_lut_packed_params *p, const void *x, const int8_t *lut, void *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || lut == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_packed_ok(&p->in, p->c, p->in_bits) || !tm_packed_ok(&p->out, p->c, p->out_bits) || p->in.h != p->out.h ||
      p->in.w != p->out.w) {
    return TM_ERR_SHAPE;
  }
  const uint32_t in_mask = (1u << p->in_bits) - 1u;
  const uint32_t out_mask = (1u << p->out_bits) - 1u;
  for (int32_t row = 0; row < p->out.h; ++row) {
    for (int32_t px = 0; px < p->out.w; ++px) {
      const uint8_t *in = (const uint8_t *)x + tm_row_offset(&p->in, row) + (ptrdiff_t)px * p->in.px_stride;
      uint8_t *out = (uint8_t *)y + tm_row_offset(&p->out, row) + (ptrdiff_t)px * p->out.px_stride;
      uint32_t from = 0, to = 0;
      int32_t have = 0, done = 0;
      for (int32_t c = 0; c < p->c; ++c) {
        if (have == 0) {
          from = *in++;
          have = 8;
        }
        to |= ((uint32_t)lut[from & in_mask] & out_mask) << done;
        from >>= p->in_bits;
        have -= p->in_bits;
        done += p->out_bits;
        if (done == 8 || c == p->c - 1) {
          *out++ = (uint8_t)to;
          to = 0;
          done = 0;
        }
      }
    }
  }
  return TM_OK;
}
