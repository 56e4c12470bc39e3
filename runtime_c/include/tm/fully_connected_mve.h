/*
 * FULLY_CONNECTED on Armv8.1-M with the vector extension for integers (Helium), four output channels together. Same results as
 * tm/fully_connected.h.
 *
 * w is one stream of bytes, per four output channels:
 *   per 16 inputs, then for the K % 16 that are left: those weights of channel 0, of channel 1, of channel 2, of channel 3
 *   bias [4] (the zero point's term is folded in), mult [4], add [4], -shift [4], all int32
 * Groups are channels 0..3, 4..7, ...; where M is not a multiple of 4, the last group is M-4..M-1.
 *
 *   y = clamp((add + floor(256 * acc * mult / 2^32)) >> shift, clamp_lo, clamp_hi)
 * The lowering chooses the constants such that y equals LiteRT's single rounding for every acc that can occur, and proves
 * |acc| < 2^23.
 *
 * x [rows,K], y [rows,M], both dense, M >= 4. Scratch: none.
 * Order: rows ascend; a row's outputs are written four by four, each time after reading the whole input row; up to three of the
 * last channels may be written twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y must not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where M < 4.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_MVE_H
#define TM_FULLY_CONNECTED_MVE_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fully_connected_i8_mve_params {
  int32_t rows, in_c, out_c;
  int32_t clamp_lo, clamp_hi;
} tm_fully_connected_i8_mve_params;

tm_status tm_fully_connected_i8_mve(const tm_fully_connected_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_MVE_H */
