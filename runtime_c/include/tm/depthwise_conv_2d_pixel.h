/*
 * DEPTHWISE_CONV_2D with multiplier 1 on cores without SIMD, pixel by pixel, four channels together, nothing gathered. Same
 * results as tm/depthwise_conv_2d.h.
 *
 * w is one stream, per group of four channels:
 *   bias of each, multiplied by S, as words; the zero point's term is folded in
 *   per tap (ky, kx) in that order: four half-words, the weights multiplied by S
 *   mult, add, shift of each as words
 * Groups begin at channels 0, 4, ...; where C is not a multiple of 4, the last group is C-4 .. C-1. S, any_sign and the
 * requantisation: as in tm/depthwise_conv_2d_group.h.
 *
 * x [H,W,C], y [OH,OW,C], C >= 4, any window, stride and dilation. Padding pixels have the value pad_value.
 * Scratch: 4 * KH * KW + C bytes, aligned to 4: the taps of a window, and a pixel of padding.
 * Order: window.h's; channels of a pixel ascend, up to three are written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE outside of the ranges above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_PIXEL_H
#define TM_DEPTHWISE_CONV_2D_PIXEL_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_pixel_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
} tm_depthwise_conv_2d_i8_pixel_params;

tm_status tm_depthwise_conv_2d_i8_pixel_rv(const tm_depthwise_conv_2d_i8_pixel_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_PIXEL_H */
