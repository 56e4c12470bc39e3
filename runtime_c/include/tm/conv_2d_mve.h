/*
 * CONV_2D with groups == 1 on Armv8.1-M with the vector extension for integers (Helium). Same results as tm/conv_2d.h.
 *
 * w is one stream of bytes, per four output channels; K = KH*KW*CI inputs in ky, kx, ci order:
 *   bias [4] int32: the zero point's term is folded in
 *   per 16 inputs, then for the K % 16 that are left: those weights of channel 0, of channel 1, of channel 2, of channel 3
 *   mult [4] int32, -e [4] int32
 * Groups are channels 0..3, 4..7, ...; where CO is not a multiple of 4, the last group is CO-4..CO-1.
 *
 *   t = round(acc * mult / 2^31), halves up; y = clamp(((t - (acc < 0)) + 2^(e-1)) >> e) + out_zero_point, clamp_lo, clamp_hi)
 * which is tm_requant for 0 <= mult and 1 <= e <= 31, that is shift == -e. Where clamp_lo >= out_zero_point, the term (acc < 0)
 * is left out (positive != 0): it moves ties of negative results only.
 *
 * x [H,W,CI], y [OH,OW,CO], CO >= 4. Padding pixels have the value pad_value. Dilation: any. acc wraps as in tm/conv_2d.h.
 * Scratch: 2 * K bytes; no alignment.
 * Order: window.h's. Two pixels are computed together, the second of which may be the next row's first: its input is read
 * before the first one's output is written. Channels of a pixel ascend, up to three of the last may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where CO < 4.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_MVE_H
#define TM_CONV_2D_MVE_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_mve_params {
  TM_WINDOW_FIELDS
  int32_t pad_value, out_zero_point;
  int32_t clamp_lo, clamp_hi;
  int32_t positive;
} tm_conv_2d_i8_mve_params;

tm_status tm_conv_2d_i8_mve(const tm_conv_2d_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_MVE_H */
