/*
 * CONV_2D, packed operands, weights of 4 or 2 bits, RV32IM. Empty on other cores. Contract: tm/conv_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_packed.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
tm_status tm_conv_2d_packed_narrow_rv(const tm_conv_2d_packed_narrow_params *p, const void *x, const uint32_t *w, void *y,
                                      void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PACKED_ROWS(tm_conv_2d_i8_narrow_params, tm_conv_2d_i8_narrow_rv(&inner, r.x, w, r.y, r.scratch));
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_packed_narrow_rv_not_built;
#endif
