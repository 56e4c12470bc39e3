/*
 * CONV_2D with groups == 1 on weights of 16 bits, Armv7E-M: fewer instructions than tm/conv_2d_pairs.h, twice the weights. Same
 * results as tm/conv_2d.h.
 *
 * w is one stream of words, per pair of output channels (a, b):
 *   bias[a] * f, bias[b] * f                                           the zero point's term is folded in
 *   per four inputs k .. k+3 of K = KH*KW*CI four words: a's weights of inputs (k, k+2) in the low and the high half, b's of
 *     (k, k+2), a's of (k+1, k+3), b's of (k+1, k+3); each half holds w * f
 *   mult[a], add[a], shift[a], mult[b], add[b], shift[b]
 * Inputs are in ky, kx, ci order. Pairs are (0,1), (2,3), ...; where CO is odd, the last pair is (CO-2, CO-1).
 *
 *   form == 0, f = 256: y = sat8((add + floor(256 * acc * mult / 2^32)) >> TM_FIXED_SHIFT), whatever `shift` says
 *   form == 1, f = 2:   t = add + round(2 * acc * mult / 2^32), halves up; y = sat8((t - (acc < 0)) >> shift)
 *   form == 2, f = 256: y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every acc that can occur,
 * and proves |acc| < 2^23.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 2, CI a multiple of 4, K > 4. Padding pixels have the value pad_value. Dilation: any.
 * Scratch: 4 * K bytes, aligned to 4: inputs of two pixels.
 * Order: window.h's. Two pixels are computed together, the second of which may be the next row's first where the kernel is 1x1: its
 * input is read before the first one's output is written. Channels of a pixel ascend, the last one or two may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO, CI or K is none of the above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_WIDE_H
#define TM_CONV_2D_WIDE_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_wide_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t form;
} tm_conv_2d_i8_wide_params;

tm_status tm_conv_2d_i8_wide_dsp(const tm_conv_2d_i8_wide_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_WIDE_H */
