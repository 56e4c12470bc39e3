/*
 * DEPTHWISE_CONV_2D with multiplier 1 and windows of 3x3 whose output has the zero point -128 and is clamped there, Armv7E-M.
 * Same results as tm/depthwise_conv_2d.h.
 *
 * The requantisation is y = sat8(((add + floor(S * acc * mult / 2^32)) >> 16) - 128), where S, a power of two of each channel,
 * is in its weights and inputs: the shift is the same for all of them, so that four outputs are rounded, saturated and
 * stored together. The lowering proves that y equals LiteRT's two roundings for every acc that can occur.
 *
 * packed.form == 0: w is one stream of int32 words, per group of four channels c .. c+3 first of the channels a = c, b = c+2,
 * then of a = c+1, b = c+3:
 *   bias[a], bias[b], scaled by S = 2^8 * s; the zero point's term is folded in, and an offset where S * acc alone is more than 32 bits
 *   per column kx a word of a and one of b, low half s * w[0,kx], high half s * w[1,kx]
 *   per column kx one word, low half s * w[2,kx] of a, high half of b
 *   mult[a], mult[b], add[a], add[b]
 *   Groups begin at channels 0, 4, 8, ...; where C is no multiple of 4, the last one begins at C-4.
 * Else w is packed constants of an even number of channels, 1 <= e <= 9, and behind them the file's weights as int8 [C,3,3], from
 * which the kernel makes this stream in its scratch: S = 2^(17-e), add = 2^15 + 2^(15-e).
 *
 * x [H,W,C], y [OH,OW,C], C >= 4, any stride, dilation_w == 1. Padding pixels have the value pad_value.
 * Scratch: ((OW-1) * stride_w + 3) * 24 + 4 bytes, and ceil(C/4) * 120 more where the constants are packed; aligned to 4.
 * Order: window.h's by rows; within a row, groups of channels from first to last, each from left to right, up to three
 * channels twice.
 * Alignment of x and y: none; of w: 4. Aliasing: y may not overlap x except as the planner proves from the
 * order of rows. Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE outside of the ranges above.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_3X3_H
#define TM_DEPTHWISE_CONV_2D_3X3_H

#include "tm/packed_constants.h"
#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_i8_3x3_params {
  TM_WINDOW_FIELDS
  int32_t pad_value;
  tm_packed_constants packed;
} tm_depthwise_conv_2d_i8_3x3_params;

tm_status tm_depthwise_conv_2d_i8_3x3_dsp(const tm_depthwise_conv_2d_i8_3x3_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                          void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_3X3_H */
