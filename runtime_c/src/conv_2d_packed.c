/*
 * CONV_2D, packed operands, portable. Contract: tm/conv_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_packed.h"

tm_status tm_conv_2d_packed(const tm_conv_2d_packed_params *p, const void *x, const uint8_t *w, const int32_t *bias, void *y,
                            void *scratch) {
  if (p == NULL || x == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  TM_PACKED_ROWS(tm_conv_2d_i8_wn_params, tm_conv_2d_i8_wn(&inner, r.x, w, bias, r.y, r.scratch));
}
