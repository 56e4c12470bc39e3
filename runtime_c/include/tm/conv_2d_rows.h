/*
 * CONV_2D with groups == 1, one row of the kernel after the other, Armv7E-M: as tm/conv_2d_pairs.h, whose arithmetic it shares, with
 * less scratch and three instructions in a hundred more. Same results as tm/conv_2d.h.
 *
 * w: for each of the KH rows and each pair of output channels (a, b), per four inputs of the row's R = KW*CI the word of inputs
 *   (k, k+2), then that of (k+1, k+3), in the low and the high half; each half holds w[a] + 256 * w[b]
 * q: for each pair bias[a], bias[a] + 256 * bias[b], mult[a], add[a], shift[a], mult[b], add[b], shift[b]
 * Pairs are (0,1), (2,3), ...; where CO is odd, the last pair is (CO-2, CO-1). Forms of requantisation: tm/conv_2d_pairs.h.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 2, CI a multiple of 4 and R one of 8. Padding pixels have the value pad_value. Dilation: any.
 * Scratch: 4 * R + 16 * ceil(CO / 2) bytes, aligned to 4: inputs of two pixels, and their sums.
 * Order: window.h's, row by row; two pixels are computed together.
 * Alignment of x and y: none; of w and q: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO, CI or R is none of the above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_ROWS_H
#define TM_CONV_2D_ROWS_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_rows_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  int32_t any_sign;
} tm_conv_2d_i8_rows_params;

tm_status tm_conv_2d_i8_rows_dsp(const tm_conv_2d_i8_rows_params *p, const int8_t *x, const int32_t *w, const int32_t *q, int8_t *y,
                                 void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_ROWS_H */
