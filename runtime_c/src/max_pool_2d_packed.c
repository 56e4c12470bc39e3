/*
 * MAX_POOL_2D, packed operands, portable. Contract: tm/max_pool_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/max_pool_2d_packed.h"

tm_status tm_max_pool_2d_packed(const tm_max_pool_2d_packed_params *p, const void *x, void *y, void *scratch) {
  if (p == NULL || x == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PACKED_ROWS(tm_max_pool_2d_i8_params, tm_max_pool_2d_i8(&inner, r.x, r.y, r.scratch));
}
