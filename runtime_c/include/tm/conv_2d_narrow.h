/*
 * CONV_2D with groups == 1 and weights of 4 or 2 bits on RV32IM: row by row and 16 output channels at a time, the weights are widened to
 * the stream of tm/conv_2d_swar.h, whose kernel then runs. Same results as tm/conv_2d.h.
 *
 * w: the groups of four channels of tm/conv_2d_swar.h's stream, each a block of tm/narrow_stream.h (8 words, 2*N words of weights,
 * 9 words); no weight is the least one of its width.
 * x [H,W,CI], y [OH,OW,CO], CO >= 4. Scratch: 16 * (17 + 2*N) + 12 bytes for the widened stream, and tm/conv_2d_swar.h's; aligned to 4.
 * Order: window.h's, except that a row is read and written once per 16 channels. Alignment of x and y: none; of w: 4.
 * Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: tm/conv_2d_swar.h's, TM_ERR_SHAPE where weight_bits is neither 4 nor 2.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_NARROW_H
#define TM_CONV_2D_NARROW_H

#include "tm/conv_2d_swar.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_narrow_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
  int32_t weight_bits;
} tm_conv_2d_i8_narrow_params;

tm_status tm_conv_2d_i8_narrow_rv(const tm_conv_2d_i8_narrow_params *p, const int8_t *x, const uint32_t *w, int8_t *y,
                                  void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_NARROW_H */
