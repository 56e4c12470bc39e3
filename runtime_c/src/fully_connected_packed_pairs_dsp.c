/*
 * FULLY_CONNECTED, packed operands, int8 weights, Armv7E-M. Empty on other cores. Contract: tm/fully_connected_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_packed.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
tm_status tm_fully_connected_packed_pairs_dsp(const tm_fully_connected_packed_i8_params *p, const void *x, const int32_t *w, void *y,
                                              void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const uint8_t *from = (const uint8_t *)x;
  uint8_t *to = (uint8_t *)y;
  int8_t *wide = (int8_t *)scratch;
  int8_t *result = wide + (p->in_bits == 8 ? 0 : tm_round_up_4(p->in_c));
  int8_t *rest = result + (p->out_bits == 8 ? 0 : tm_round_up_4(p->out_c));
  const tm_fully_connected_i8_pairs_params inner = {1, p->in_c, p->out_c};
  tm_status status = TM_OK;
  for (int32_t row = 0; status == TM_OK && row < p->rows; ++row) {
    const int8_t *q = (const int8_t *)from;
    if (p->in_bits != 8) {
      tm_unpack(wide, from, p->in_c, p->in_bits);
      q = wide;
    }
    status = tm_fully_connected_i8_pairs_dsp(&inner, q, w, p->out_bits == 8 ? (int8_t *)to : result, rest);
    if (p->out_bits != 8) {
      tm_pack(to, result, p->out_c, p->out_bits, p->clamp_lo, p->clamp_hi);
    }
    from += tm_packed_bytes(p->in_c, p->in_bits);
    to += tm_packed_bytes(p->out_c, p->out_bits);
  }
  return status;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_packed_pairs_dsp_not_built;
#endif
