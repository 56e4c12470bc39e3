/*
 * CONV_2D with input and output of 8, 4 or 2 bits and groups == 1: rows are widened to int8, an int8 kernel runs on one output row, and
 * its outputs are packed (tm/packed.h). Same results as tm/conv_2d.h's sums requantised to the output's scale and clamped.
 *
 * One kernel per int8 kernel: `inner` are its params, whose contract says what its tables are. The inner kernel's own clamp may be wider
 * than [clamp_lo, clamp_hi], which is applied in packing; where the output has 8 bits it is the inner one's alone.
 * Scratch: see tm/packed.h, aligned to 4. Alignment of x and y: none.
 * Order: window.h's, and all reads for a row precede its first write. Aliasing: as the planner proves from the order.
 * Errors: the inner kernel's; TM_ERR_SHAPE where a geometry's c is not the bytes of the channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_PACKED_H
#define TM_CONV_2D_PACKED_H

#include "tm/conv_2d_narrow.h"
#include "tm/conv_2d_nibbles.h"
#include "tm/conv_2d_pairs.h"
#include "tm/conv_2d_swar.h"
#include "tm/conv_2d_wn.h"
#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_packed_params {
  TM_PACKED_FIELDS
  tm_conv_2d_i8_wn_params inner;
} tm_conv_2d_packed_params;

typedef struct tm_conv_2d_packed_pairs_params {
  TM_PACKED_FIELDS
  tm_conv_2d_i8_pairs_params inner;
} tm_conv_2d_packed_pairs_params;

typedef struct tm_conv_2d_packed_nibbles_params {
  TM_PACKED_FIELDS
  tm_conv_2d_i8_nibbles_params inner;
} tm_conv_2d_packed_nibbles_params;

typedef struct tm_conv_2d_packed_narrow_params {
  TM_PACKED_FIELDS
  tm_conv_2d_i8_narrow_params inner;
} tm_conv_2d_packed_narrow_params;

typedef struct tm_conv_2d_packed_swar_params {
  TM_PACKED_FIELDS
  tm_conv_2d_i8_swar_params inner;
} tm_conv_2d_packed_swar_params;

tm_status tm_conv_2d_packed(const tm_conv_2d_packed_params *p, const void *x, const uint8_t *w, const int32_t *bias, void *y,
                            void *scratch);

/* Armv7E-M, weights of 8 bits (tm/conv_2d_pairs.h). */
tm_status tm_conv_2d_packed_pairs_dsp(const tm_conv_2d_packed_pairs_params *p, const void *x, const int32_t *w, void *y,
                                      void *scratch);

/* Armv7E-M, weights of 4 or 2 bits (tm/conv_2d_nibbles.h). */
tm_status tm_conv_2d_packed_nibbles_dsp(const tm_conv_2d_packed_nibbles_params *p, const void *x, const int32_t *w, void *y,
                                        void *scratch);

/* RV32IM, weights of 8 bits (tm/conv_2d_swar.h). */
tm_status tm_conv_2d_packed_swar_rv(const tm_conv_2d_packed_swar_params *p, const void *x, const int32_t *w, void *y,
                                    void *scratch);

/* RV32IM, weights of 4 or 2 bits (tm/conv_2d_narrow.h). */
tm_status tm_conv_2d_packed_narrow_rv(const tm_conv_2d_packed_narrow_params *p, const void *x, const uint32_t *w, void *y,
                                      void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_PACKED_H */
