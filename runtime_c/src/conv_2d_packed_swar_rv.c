/*
 * CONV_2D, packed operands, int8 weights, RV32IM. Empty on other cores. Contract: tm/conv_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_packed.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
tm_status tm_conv_2d_packed_swar_rv(const tm_conv_2d_packed_swar_params *p, const void *x, const int32_t *w, void *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PACKED_ROWS(tm_conv_2d_i8_swar_params, tm_conv_2d_i8_swar_rv(&inner, r.x, w, r.y, r.scratch));
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_packed_swar_rv_not_built;
#endif
