/*
 * DEPTHWISE_CONV_2D with multiplier 1, any window, tap by tap, Armv7E-M. Same results as tm/depthwise_conv_2d.h.
 *
 * form 0 and 1: w is one stream of words, per group of four channels c .. c+3 with T = KH*KW taps in row-major order:
 *   bias[c] .. bias[c+3], scaled by S; the zero point's term is folded in
 *   per two taps (t, t+1): four words, one a channel, low half S * w[t], high half S * w[t+1]
 *   where T is odd, its last tap: two words, halves S * w of the channels (c, c+2) and (c+1, c+3)
 *   per channel: mult, add, shift
 * Groups begin at channels 0, 4, 8, ...; where C is no multiple of 4, the last one begins at C-4.
 *
 *   form 0, S = 256: y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 *   form 1, S = 2  : t = add + round(2 * acc * mult / 2^32), halves up; y = sat8((t - (acc < 0)) >> shift)
 *
 * form 2: w is half as large, per group
 *   per two taps two words, bytes w[t] of c, c+1, w[t+1] of c, c+1, then of c+2, c+3; where T is odd, for its last tap one word, w of c .. c+3
 *   per channel: 256 * bias + e - 1, 1 <= e <= 22; then per channel: mult, LiteRT's
 *   y = sat8((((round(2 * acc * mult / 2^32) - (acc < 0)) >> (e - 1)) + 2 * zero_point + 1) >> 1)
 *
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every acc that can occur,
 * and proves |acc| < 2^23.
 *
 * x [H,W,C], y [OH,OW,C], C >= 4. Padding pixels have the value pad_value. Any stride and dilation.
 * Scratch: 4 * T + C bytes, aligned to 4.
 * Order: window.h's; pixel after pixel, channels ascend, up to three are written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where C < 4 or in.c != out.c.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_TAPS_H
#define TM_DEPTHWISE_CONV_2D_TAPS_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_taps_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t form;
  int32_t zero_point; /* the output's; read where form is 2 */
} tm_depthwise_conv_2d_i8_taps_params;

tm_status tm_depthwise_conv_2d_i8_taps_dsp(const tm_depthwise_conv_2d_i8_taps_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_TAPS_H */
