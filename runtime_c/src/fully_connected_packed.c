/*
 * FULLY_CONNECTED, packed operands, portable. Contract: tm/fully_connected_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/packed_vectors.h"

tm_status tm_fully_connected_packed(const tm_fully_connected_packed_params *p, const void *x, const uint8_t *w, const int32_t *bias,
                                    void *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->weight_bits != 8 && p->weight_bits != 4 && p->weight_bits != 2) {
    return TM_ERR_SHAPE;
  }
  tm_packed_vectors r = tm_packed_vectors_of(p, x, y, scratch);
  const int32_t w_bytes = tm_packed_bytes(p->in_c, p->weight_bits);
  for (int32_t row = 0; row < p->rows; ++row) {
    const int8_t *q = tm_packed_vectors_in(&r, p);
    int8_t *out = tm_packed_vectors_out(&r, p);
    for (int32_t m = 0; m < p->out_c; ++m) {
      const int32_t acc = tm_add_wrap_i32(bias[m], tm_packed_dot(q, w + (ptrdiff_t)m * w_bytes, p->in_c, p->weight_bits));
      const int32_t v = tm_requant_once(acc, p->mult[m], p->shift[m]);
      out[m] = (int8_t)tm_offset_clamp_i32(v, p->out_zero_point, p->clamp_lo, p->clamp_hi);
    }
    tm_packed_vectors_store(&r, p);
  }
  return TM_OK;
}
