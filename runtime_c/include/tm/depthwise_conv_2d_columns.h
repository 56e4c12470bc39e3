/*
 * DEPTHWISE_CONV_2D with multiplier 1, windows of 3, 5 or 7 rows, column by column, Armv7E-M. Same results as
 * tm/depthwise_conv_2d.h.
 *
 * w is one stream of words, per group of four channels c .. c+3:
 *   bias[c] .. bias[c+3], scaled by S; the zero point's term is folded in
 *   per column kx: per two rows (ky, ky+1) four words, one a channel, low half S * w[ky,kx], high half S * w[ky+1,kx];
 *     then the last row's two words, halves S * w of the channels (c, c+2) and (c+1, c+3)
 *   per channel: mult, add, shift
 * Groups begin at channels 0, 4, 8, ...; where C is no multiple of 4, the last one begins at C-4.
 * S, any_sign and the requantisation: as in tm/depthwise_conv_2d_taps.h.
 *
 * x [H,W,C], y [OH,OW,C], C >= 4, KH in {3, 5, 7}, any KW and stride, dilation_w == 1. Padding pixels have the value pad_value.
 * Scratch: ((OW-1) * stride_w + KW) * 8 * KH + 8 * KH + 4 bytes, aligned to 4: one group's columns of one output row, and
 * the rows they come from.
 * Order: window.h's by rows; within a row, groups of channels from first to last, each from left to right, up to three
 * channels twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order of rows.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE outside of the ranges above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_COLUMNS_H
#define TM_DEPTHWISE_CONV_2D_COLUMNS_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_columns_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
} tm_depthwise_conv_2d_i8_columns_params;

tm_status tm_depthwise_conv_2d_i8_columns_dsp(const tm_depthwise_conv_2d_i8_columns_params *p, const int8_t *x, const int32_t *w,
                                              int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_COLUMNS_H */
