/*
 * CONV_2D with groups == 1 on packed pairs of output channels, Armv7E-M. Same results as tm/conv_2d.h.
 *
 * w is first a record of TM_PAIR_RECORD words for each pair of output channels (a, b):
 *   bias[a], bias[a] + 256 * bias[b]                                  the zero point's term is folded in, and an offset where the
 *                                                                     constants ask for one (converter/ops/variants/_fixed.py)
 *   mult[a], add[a], shift[a], mult[b], add[b], shift[b]
 * then for each pair, per four inputs k .. k+3 of K = KH*KW*CI, filled up with zeros: the word of inputs (k, k+2), then that of
 * (k+1, k+3), in the low and the high half; each half holds w[a] + 256 * w[b]. Inputs are in ky, kx, ci order, but of each of the KH runs of R = KW*CI the last R % 4 inputs stand behind all runs.
 * Pairs are (0,1), (2,3), ...; where CO is odd, the last pair is (CO-2, CO-1).
 * Where packed.form is not 0, packed constants stand in the place of the records, which every call makes in its scratch
 * (tm/packed_constants.h).
 *
 *   any_sign == 0: y = sat8((add + floor(2^s * acc * mult / 2^32)) >> TM_FIXED_SHIFT), s = shift[a] for a, 8 for b
 *   any_sign == 1: t = add + round(2 * acc * mult / 2^32), halves up; y = sat8((t - (acc < 0)) >> shift)
 * The lowering chooses the form and the constants such that y equals LiteRT's two roundings for every acc that can occur,
 * and proves that 2^s * acc, or 256 * acc with any_sign == 1, is in 32 bits.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 2, K > 4. Padding pixels have the value pad_value. Dilation: any.
 * Scratch: 8 * together * ceil(K / 4) bytes, and where CI is not a multiple of 4, K + r more, r = KH * (R % 4) rounded up to
 * fours; and where the constants are packed, 32 * ceil(CO / 2) more; aligned to 4.
 * Order: window.h's. Two or three pixels are computed together, all but the first of which may be in the next rows: all their inputs are
 * read before the first one's output is written. Channels of a pixel ascend, the last one or two may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO < 2 or K <= 4.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_PAIRS_H
#define TM_CONV_2D_PAIRS_H

#include "tm/packed_constants.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_pairs_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
  int32_t together;   /* 3, or 2 where there is no scratch for three pixels */
  tm_packed_constants packed;
} tm_conv_2d_i8_pairs_params;

tm_status tm_conv_2d_i8_pairs_dsp(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                  void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_PAIRS_H */
