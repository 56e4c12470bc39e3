/*
 * DEPTHWISE_CONV_2D with multiplier 1 on cores without SIMD, four channels of a row's columns gathered together. Same results
 * as tm/depthwise_conv_2d.h.
 *
 * w is one stream, per channel:
 *   bias, multiplied by S, as a word; the zero point's term is folded in
 *   weights, multiplied by S, as half-words, column by column: w[kx * KH + ky]; an odd number is followed by a half-word of 0
 *   mult, add, shift as words
 * Groups of four channels begin at 0, 4, ...; where C is not a multiple of 4, the last group is C-4 .. C-1.
 *
 *   any_sign == 0: S = 256, y = sat8((add + floor(sum * mult / 2^32)) >> shift)
 *   any_sign == 1: S = 4, y = sat8((add + floor(sum * mult / 2^32) - 2 * (sum < 0)) >> shift)
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every sum that can occur,
 * and proves |sum| < 2^31.
 *
 * x [H,W,C], y [OH,OW,C], C >= 4, any window and stride, dilation_w == 1. Padding pixels have the value pad_value.
 * Scratch: ((OW-1) * stride_w + KW) * KH * 4 bytes, aligned to 4: one group's columns of one output row.
 * Order: window.h's by rows; within a row, groups of channels from first to last, each channel from left to right, up to three
 * channels twice.
 * Alignment of x and y: none (rows of words are faster); of w: 4. Aliasing: y may not overlap x except as the planner proves
 * from the order of rows.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE outside of the ranges above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_GROUP_H
#define TM_DEPTHWISE_CONV_2D_GROUP_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_group_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
} tm_depthwise_conv_2d_i8_group_params;

tm_status tm_depthwise_conv_2d_i8_group_rv(const tm_depthwise_conv_2d_i8_group_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_GROUP_H */
