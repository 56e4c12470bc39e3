/*
 * DEPTHWISE_CONV_2D, packed operands, portable. Contract: tm/depthwise_conv_2d_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_packed.h"

tm_status tm_depthwise_conv_2d_packed(const tm_depthwise_conv_2d_packed_params *p, const void *x, const void *w, const int32_t *bias, void *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int8_t *weights = (const int8_t *)w;
  if (p->weight_bits != 8) {
    const int32_t n = p->kernel_h * p->kernel_w * p->out_c;
    tm_unpack((int8_t *)scratch, (const uint8_t *)w, n, p->weight_bits);
    weights = (const int8_t *)scratch;
    scratch = (int8_t *)scratch + tm_round_up_4(n);
  }
  TM_PACKED_ROWS(tm_depthwise_conv_2d_i8_params, tm_depthwise_conv_2d_i8(&inner, r.x, weights, bias, r.y, r.scratch));
}
