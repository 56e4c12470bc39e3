/*
 * FULLY_CONNECTED on packed pairs of output channels, Armv7E-M. Same results as tm/fully_connected.h.
 *
 * w is one stream of words, per group of four channels a, b, c, d = m .. m+3:
 *   bias[a], bias[a] + 256 * bias[b], bias[c], bias[c] + 256 * bias[d]     the zero point's term is folded in
 *   per four inputs k .. k+3 of in_c, filled up with zeros: for the inputs (k, k+2), then for (k+1, k+3), in the low and the
 *     high half: one word w[a] + 256 * w[b] and one w[c] + 256 * w[d]
 *   per channel: mult, add, shift
 * Groups begin at channels 0, 4, 8, ...; where out_c is no multiple of 4, the last one begins at out_c - 4.
 *
 *   y = sat8((add + floor(256 * acc * mult / 2^32)) >> shift)
 * The lowering chooses the constants such that y equals LiteRT's one rounding for every acc that can occur, and proves
 * |acc| < 2^23.
 *
 * x [rows,in_c], y [rows,out_c] dense, out_c >= 4. Scratch: 8 * ceil(in_c / 4) bytes, aligned to 4.
 * Order: rows ascend; a row is read as a whole before its outputs are written, up to three of them twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y must not overlap x except as the planner proves from the order.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where out_c < 4.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_PAIRS_H
#define TM_FULLY_CONNECTED_PAIRS_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fully_connected_i8_pairs_params {
  int32_t rows, in_c, out_c;
} tm_fully_connected_i8_pairs_params;

tm_status tm_fully_connected_i8_pairs_dsp(const tm_fully_connected_i8_pairs_params *p, const int8_t *x, const int32_t *w,
                                          int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_PAIRS_H */
