/*
 * FULLY_CONNECTED with input, weights and output of 8, 4 or 2 bits (tm/packed.h): tm/fully_connected.h's sums and requantisation.
 *
 * x [rows] of ceil(in_c * in_bits / 8) bytes, y [rows] of ceil(out_c * out_bits / 8) bytes, dense.
 * tm_fully_connected_packed: w [out_c] rows of ceil(in_c * weight_bits / 8) bytes. The others: the tables of their int8 kernels,
 * which requantise to int8 before the outputs are clamped and packed.
 *
 * Scratch: where the input is packed, in_c bytes, and where the output is, out_c bytes, each rounded up to fours; behind them the
 * int8 kernel's own. Aligned to 4. Alignment of x and y: none.
 * Order: rows ascend, a row is read as a whole before its outputs are written. Aliasing: y must not overlap x except as the planner proves
 * from the order. Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE for other widths; the int8 kernel's.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_PACKED_H
#define TM_FULLY_CONNECTED_PACKED_H

#include "tm/fully_connected_group.h"
#include "tm/fully_connected_pairs.h"
#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_FULLY_CONNECTED_PACKED_FIELDS \
  int32_t rows, in_c, out_c;             \
  int32_t in_bits, out_bits;             \
  int32_t clamp_lo, clamp_hi;

typedef struct tm_fully_connected_packed_params {
  TM_FULLY_CONNECTED_PACKED_FIELDS
  int32_t weight_bits;
  int32_t out_zero_point;
  const int32_t *mult;
  const int8_t *shift;
} tm_fully_connected_packed_params;

typedef struct tm_fully_connected_packed_i8_params {
  TM_FULLY_CONNECTED_PACKED_FIELDS
} tm_fully_connected_packed_i8_params;

typedef struct tm_fully_connected_packed_narrow_params {
  TM_FULLY_CONNECTED_PACKED_FIELDS
  int32_t weight_bits;
} tm_fully_connected_packed_narrow_params;

tm_status tm_fully_connected_packed(const tm_fully_connected_packed_params *p, const void *x, const uint8_t *w, const int32_t *bias,
                                    void *y, void *scratch);

/* Armv7E-M, weights of 8 bits: tm/fully_connected_pairs.h. */
tm_status tm_fully_connected_packed_pairs_dsp(const tm_fully_connected_packed_i8_params *p, const void *x, const int32_t *w, void *y,
                                              void *scratch);

/* RV32IM, weights of 8 bits: tm/fully_connected_group.h. */
tm_status tm_fully_connected_packed_group_rv(const tm_fully_connected_packed_i8_params *p, const void *x, const int32_t *w, void *y,
                                             void *scratch);

/*
 * Weights of 4 or 2 bits, none of them the least one of its width: the int8 kernel's groups as blocks of tm/narrow_stream.h, widened
 * one by one into the scratch. Armv7E-M: groups of four channels (4 words, 4 * ceil(in_c / 4) words of weights, 12 words). RV32IM: of G =
 * 16 and 4 (G words, in_c * G / 4 words of weights, 9 * G / 4 words). Scratch: a group's words and 3 more, too.
 */
tm_status tm_fully_connected_packed_narrow_dsp(const tm_fully_connected_packed_narrow_params *p, const void *x, const uint32_t *w,
                                               void *y, void *scratch);
tm_status tm_fully_connected_packed_narrow_rv(const tm_fully_connected_packed_narrow_params *p, const void *x, const uint32_t *w,
                                              void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_PACKED_H */
