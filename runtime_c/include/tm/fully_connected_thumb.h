/*
 * FULLY_CONNECTED on Armv6-M and Armv7-M without DSP instructions, four output channels together. Same results as
 * tm/fully_connected.h.
 *
 * w is one stream, per group of four output channels c = 0..3:
 *   bias[c] as words; the zero point's term is folded in
 *   per input k: four bytes w[c][k]
 *   mult[c], add[c] as words for each c; then four bytes shift[c]
 * Groups begin at channels 0, 4, ...; where out_c is not a multiple of 4, the last group is out_c-4 .. out_c-1.
 *
 *   y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 * The lowering chooses the constants such that y equals LiteRT's result for every acc that can occur, and proves |acc| < 2^23.
 *
 * x [rows,in_c], y [rows,out_c], out_c >= 4, in_c >= 1. Scratch: none.
 * Order: rows ascend; a row's outputs are written in groups, each after reading the whole input row, up to three twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y must not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where out_c < 4 or in_c < 1.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_THUMB_H
#define TM_FULLY_CONNECTED_THUMB_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fully_connected_i8_thumb_params {
  int32_t rows, in_c, out_c;
} tm_fully_connected_i8_thumb_params;

tm_status tm_fully_connected_i8_thumb(const tm_fully_connected_i8_thumb_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                      void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_THUMB_H */
