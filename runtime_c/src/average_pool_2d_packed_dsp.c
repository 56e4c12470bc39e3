/*
 * AVERAGE_POOL_2D, packed operands, Armv7E-M. Empty on other cores. Contract: tm/average_pool_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/average_pool_2d_packed.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
tm_status tm_average_pool_2d_packed_dsp(const tm_average_pool_2d_packed_params *p, const void *x, void *y, void *scratch) {
  if (p == NULL || x == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PACKED_ROWS(tm_average_pool_2d_i8_params, tm_average_pool_2d_i8_dsp(&inner, r.x, r.y, r.scratch));
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_average_pool_2d_packed_dsp_not_built;
#endif
