/*
 * DEPTHWISE_CONV_2D with multiplier 1 and the 1x1 CONV_2D behind it as one operator: what lies between exists for two or three
 * pixels at a time, and never as bytes. Same results as the two in turn, bit for bit.
 *
 *   t[oy,ox,c] = requantise(sum over ky,kx of x[..,c] * v[ky,kx,c] + bias), y[oy,ox,co] = requantise(sum over c of t[..,c] * w[co,c] + bias)
 *
 * x [H,W,C], y [OH,OW,CO]; C a multiple of 4 and at least 8, CO >= 2, at most TM_SEPARABLE_TAPS taps. The window fields are those of
 * the depthwise convolution; in.c is C, out.c is CO. Dilation: any.
 * v: the stream of tm/depthwise_conv_2d_taps.h, w: records and words of tm/conv_2d_pairs.h with K = C; inner_any_sign and any_sign are
 * their forms of requantisation. pad: C bytes of x's zero point.
 * Scratch: 2 * C bytes for each of `together` pixels, aligned to 4. Rows of an odd number of pixels are faster with three.
 * Order: window.h's. Two pixels are computed together, the second of which may be the next row's first: its input is read before the
 * first one's output is written.
 * Alignment of x and y: none; of v and w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where C, CO or the number of taps is none of the above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SEPARABLE_CONV_2D_H
#define TM_SEPARABLE_CONV_2D_H

#include "tm/packed_constants.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_SEPARABLE_TAPS 49

typedef struct tm_separable_conv_2d_i8_params {
  TM_WINDOW_FIELDS
  int32_t inner_any_sign;
  int32_t any_sign;
  int32_t together; /* 3, or 2 where there is no scratch for three pixels */
  const int8_t *pad;
} tm_separable_conv_2d_i8_params;

tm_status tm_separable_conv_2d_i8_dsp(const tm_separable_conv_2d_i8_params *p, const int8_t *x, const int32_t *v, const int32_t *w,
                                      int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_SEPARABLE_CONV_2D_H */
