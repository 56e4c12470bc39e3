/*
 * FULLY_CONNECTED, packed operands, int8 weights, RV32IM. Empty on other cores. Contract: tm/fully_connected_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/packed_vectors.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
tm_status tm_fully_connected_packed_group_rv(const tm_fully_connected_packed_i8_params *p, const void *x, const int32_t *w, void *y,
                                              void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  tm_packed_vectors r = tm_packed_vectors_of(p, x, y, scratch);
  const tm_fully_connected_i8_group_params inner = {1, p->in_c, p->out_c};
  tm_status status = TM_OK;
  for (int32_t row = 0; status == TM_OK && row < p->rows; ++row) {
    const int8_t *q = tm_packed_vectors_in(&r, p);
    status = tm_fully_connected_i8_group_rv(&inner, q, w, tm_packed_vectors_out(&r, p), r.rest);
    tm_packed_vectors_store(&r, p);
  }
  return status;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_packed_group_rv_not_built;
#endif
