/*
 * CONV_2D with groups == 1 on cores whose only SIMD is a 32-bit multiplier: two pixels in one register. Same results as
 * tm/conv_2d.h.
 *
 * x0 + 65536 * x1 times a weight is both products at once. After two taps (|low half| < 2^15, as no weight is -128) the high
 * half, rounded, is the second pixel's sum; the sum of the registers gives the first one's at the end.
 *
 * w is one stream of words, per four output channels c = 0..3:
 *   bias[c], 65537 * bias[c] - 32768 * N for each c            the zero point's term is folded in; N = ceil(K / 2), K = KH*KW*CI
 *   N times 8 bytes: w[c][2n], w[c][2n+1] for each c           inputs in ky, kx, ci order, filled up with a zero
 *   mult[c], add[c] for each c; then four bytes shift[c]
 * Groups begin at channels 0, 4, ...; where CO is not a multiple of 4, the last group is CO-4 .. CO-1.
 *
 *   any_sign == 0: y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 *   any_sign == 1: y = sat8((add + floor(4 * acc * mult / 2^32) - 2 * (acc < 0)) >> shift)
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every acc that can occur,
 * and proves |acc| < 2^23.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 4. Padding pixels have the value pad_value. Dilation: any.
 * Scratch: 16 * N + CI bytes, aligned to 4.
 * Order: window.h's. Four pixels are computed together, the last of which may be in the next rows: their input is read before
 * the first one's output is written. Channels of a pixel ascend, the last three may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO < 4.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_SWAR_H
#define TM_CONV_2D_SWAR_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_swar_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
} tm_conv_2d_i8_swar_params;

tm_status tm_conv_2d_i8_swar_rv(const tm_conv_2d_i8_swar_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_SWAR_H */
