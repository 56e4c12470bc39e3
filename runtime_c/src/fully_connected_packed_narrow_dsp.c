/*
 * FULLY_CONNECTED, packed operands, weights of 4 or 2 bits, Armv7E-M. Empty on other cores. Contract: tm/fully_connected_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/packed_vectors.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/narrow_stream.h"

tm_status tm_fully_connected_packed_narrow_dsp(const tm_fully_connected_packed_narrow_params *p, const void *x, const uint32_t *w,
                                               void *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_c < 4 || (p->weight_bits != 4 && p->weight_bits != 2)) {
    return TM_ERR_SHAPE;
  }
  tm_packed_vectors r = tm_packed_vectors_of(p, x, y, scratch);
  uint32_t *stream = (uint32_t *)(void *)r.rest;
  void *rest = stream + (p->in_c + 3) / 4 * 4 + 16 + 3;
  tm_status status = TM_OK;
  for (int32_t row = 0; status == TM_OK && row < p->rows; ++row) {
    const int8_t *q = tm_packed_vectors_in(&r, p);
    int8_t *out = tm_packed_vectors_out(&r, p);
    const uint32_t *block = w;
    for (int32_t m = 0; status == TM_OK && m < p->out_c;) {
      const int32_t n = 4;
      const int32_t words = (p->in_c + 3) / 4 * 4;
      const int32_t tail = 12;
      const tm_fully_connected_i8_pairs_params inner = {1, p->in_c, n};
      block = tm_widen_block(stream, block, n, words, tail, p->weight_bits);
      status = tm_fully_connected_i8_pairs_dsp(&inner, q, (const int32_t *)stream, out + tm_min_i32(m, p->out_c - 4), rest);
      m += n;
    }
    tm_packed_vectors_store(&r, p);
  }
  return status;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_packed_narrow_dsp_not_built;
#endif
