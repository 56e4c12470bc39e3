/*
 * CONV_2D with weights of 8, 4 or 2 bits, groups == 1: tm/conv_2d.h's sums and requantisation.
 *
 * w [CO] rows of ceil(K * weight_bits / 8) bytes, K = KH*KW*CI values each in ky, kx, ci order, packed (tm/packed.h).
 * Range: K < 131,072. Alignment: none. Order, aliasing, errors: tm/conv_2d.h's; TM_ERR_SHAPE also for other widths.
 * Scratch: K bytes.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_WN_H
#define TM_CONV_2D_WN_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_wn_params {
  TM_WINDOW_FIELDS
  int32_t weight_bits;
  int32_t pad_value, out_zero_point;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_conv_2d_i8_wn_params;

tm_status tm_conv_2d_i8_wn(const tm_conv_2d_i8_wn_params *p, const int8_t *x, const uint8_t *w, const int32_t *bias, int8_t *y,
                           void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_WN_H */
