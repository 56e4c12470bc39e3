/*
 * CONV_2D with groups == 1 and weights of 4 or 2 bits on pairs of output channels, Armv7E-M. Same results as tm/conv_2d.h.
 *
 * w is first a record of 8 words for each pair of output channels (a, b):
 *   F * bias[a], F * bias[b]                                   the zero point's term is folded in; F = 256, with any_sign 2
 *   mult[a], add[a], shift[a], mult[b], add[b], shift[b]
 * then words of weights for each pair, with S = 16 and P = 2 for 4 bits, S = 64 and P = 4 for 2:
 *   per 2 * P inputs of K = KH*KW*CI, filled up with zeros: one word of P fields of weight_bits in each byte, lowest first. Fields
 *     2*g and 2*g + 1 are of the inputs k .. k+3, k = 4*g: the first has input k in the low half and k+2 in the high one, the
 *     second k+1 and k+3. In a half, the low byte's field is w[a] + 2^(weight_bits-1), the high byte's w[b] in two's complement,
 *     for 4 bits and even inputs w[b] + 8.
 * Where packed.form is not 0, packed constants stand in the place of the records, which every call makes in its scratch
 * (tm/packed_constants.h).
 * Inputs are in ky, kx, ci order. Pairs are (0,1), (2,3), ...; where CO is odd, the last pair is (CO-2, CO-1).
 *
 *   any_sign == 0: y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 *   any_sign == 1: t = add + round(2 * acc * mult / 2^32), halves up; y = sat8((t - (acc < 0)) >> shift)
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every acc that can occur,
 * and proves |acc| < 2^23, and that the sum of products is below 2^31 / (256 * S): 2^19 for 4 bits, 2^17 for 2.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 2. Padding pixels have the value pad_value. Dilation: any.
 * Scratch: 24 + 6 * (K rounded up to 2 * P) bytes, and K rounded up to fours more unless KH == KW == 1; and where the
 * constants are packed, 32 * ceil(CO / 2) more; aligned to 4.
 * Order: window.h's. Three pixels are computed together, the last two of which may be in the next rows: their inputs are read
 * before the first one's output is written. Channels of a pixel ascend, the last one or two may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO < 2 or weight_bits is neither 4 nor 2.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_NIBBLES_H
#define TM_CONV_2D_NIBBLES_H

#include "tm/packed_constants.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_nibbles_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
  int32_t weight_bits;
  tm_packed_constants packed;
} tm_conv_2d_i8_nibbles_params;

tm_status tm_conv_2d_i8_nibbles_dsp(const tm_conv_2d_i8_nibbles_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                    void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_NIBBLES_H */
