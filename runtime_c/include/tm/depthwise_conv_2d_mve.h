/*
 * DEPTHWISE_CONV_2D with multiplier 1 on Armv8.1-M with the vector extension for integers (Helium), windows of at most eight rows
 * and eight columns. Same results as tm/depthwise_conv_2d.h.
 *
 * Columns of the input are stored as words of four rows of one channel, one plane of words for window rows 0..3 and, where
 * KH > 4, one for rows 4..7. Four such words are the operand of one VMLADAV:
 *   one plane:  of columns kx .. kx+3       V = ceil(KW / 4) operands a window
 *   two planes: of columns kx, kx+1         V = 3 operands where KW <= 6, else 4
 *
 * w is one stream of bytes, per four channels:
 *   of each channel in turn its V operands of 16 int8, with zeros where the window has no row or column
 *   bias [4] int32 (the zero point's term is folded in), mult [4] int32, -e [4] int32
 * Groups are channels 0..3, 4..7, ...; where C is not a multiple of 4, the last group is C-4..C-1.
 *
 *   t = round(acc * mult / 2^31), halves up; y = sat8((((t - (acc < 0)) + 2^(e-1)) >> e) + out_zero_point), 1 <= e <= 31
 * which is tm_requant for shift == -e and mult >= 0.
 *
 * x [H,W,C], y [OH,OW,C], C >= 4. Padding pixels have the value pad_value; dilation_w must be 1. acc wraps as in
 * tm/depthwise_conv_2d.h.
 * Scratch: 16 bytes and, per plane, 64 for each column that TM_DEPTHWISE_MVE_STRIP neighbouring outputs read; aligned to 4.
 * Order: window.h's; a row is gone through in strips, each in blocks of 16 channels. Up to three channels may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where C < 4, the channels differ, the window is larger or dilation_w
 * is not 1.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_MVE_H
#define TM_DEPTHWISE_CONV_2D_MVE_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_DEPTHWISE_MVE_STRIP 16 /* outputs of a row that share their columns; even */

typedef struct tm_depthwise_conv_2d_i8_mve_params {
  TM_WINDOW_FIELDS
  int32_t pad_value, out_zero_point;
} tm_depthwise_conv_2d_i8_mve_params;

tm_status tm_depthwise_conv_2d_i8_mve(const tm_depthwise_conv_2d_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                      void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_MVE_H */
