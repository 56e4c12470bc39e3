/*
 * DEPTHWISE_CONV_2D with input, weights and output of 8, 4 or 2 bits: rows and weights are widened to int8, an int8 kernel runs on one
 * output row, and its outputs are packed (tm/packed.h). Same results as tm/depthwise_conv_2d.h's sums requantised to the output's
 * scale and clamped.
 *
 * One kernel per int8 kernel: `inner` are its params, whose contract says what its tables are. tm_depthwise_conv_2d_packed takes weights
 * [KH,KW,CO] of weight_bits, which follow each other without gaps; they are widened once per call. For the others, whose tables hold the
 * weights as the int8 kernel reads them, weight_bits is 8.
 *
 * Scratch: where weight_bits is not 8, KH*KW*CO bytes rounded up to fours; then as tm/packed.h says. Aligned to 4.
 * Alignment of x and y: none. Order: window.h's, and all reads for a row precede its first write. Aliasing: as the planner proves
 * from the order.
 * Errors: the inner kernel's; TM_ERR_SHAPE where a geometry's c is not the bytes of the channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_PACKED_H
#define TM_DEPTHWISE_CONV_2D_PACKED_H

#include "tm/depthwise_conv_2d.h"
#include "tm/depthwise_conv_2d_columns.h"
#include "tm/depthwise_conv_2d_group.h"
#include "tm/depthwise_conv_2d_pixel.h"
#include "tm/depthwise_conv_2d_taps.h"
#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_depthwise_conv_2d_packed_params {
  TM_PACKED_FIELDS
  tm_depthwise_conv_2d_i8_params inner;
  int32_t weight_bits;
} tm_depthwise_conv_2d_packed_params;

typedef struct tm_depthwise_conv_2d_packed_columns_params {
  TM_PACKED_FIELDS
  tm_depthwise_conv_2d_i8_columns_params inner;
} tm_depthwise_conv_2d_packed_columns_params;

typedef struct tm_depthwise_conv_2d_packed_taps_params {
  TM_PACKED_FIELDS
  tm_depthwise_conv_2d_i8_taps_params inner;
} tm_depthwise_conv_2d_packed_taps_params;

typedef struct tm_depthwise_conv_2d_packed_group_params {
  TM_PACKED_FIELDS
  tm_depthwise_conv_2d_i8_group_params inner;
} tm_depthwise_conv_2d_packed_group_params;

typedef struct tm_depthwise_conv_2d_packed_pixel_params {
  TM_PACKED_FIELDS
  tm_depthwise_conv_2d_i8_pixel_params inner;
} tm_depthwise_conv_2d_packed_pixel_params;

tm_status tm_depthwise_conv_2d_packed(const tm_depthwise_conv_2d_packed_params *p, const void *x, const void *w,
                                      const int32_t *bias, void *y, void *scratch);

/* Armv7E-M: tm/depthwise_conv_2d_columns.h and tm/depthwise_conv_2d_taps.h. */
tm_status tm_depthwise_conv_2d_packed_columns_dsp(const tm_depthwise_conv_2d_packed_columns_params *p, const void *x,
                                                  const int32_t *w, void *y, void *scratch);
tm_status tm_depthwise_conv_2d_packed_taps_dsp(const tm_depthwise_conv_2d_packed_taps_params *p, const void *x,
                                               const int32_t *w, void *y, void *scratch);

/* RV32IM: tm/depthwise_conv_2d_group.h and tm/depthwise_conv_2d_pixel.h. */
tm_status tm_depthwise_conv_2d_packed_group_rv(const tm_depthwise_conv_2d_packed_group_params *p, const void *x,
                                               const int32_t *w, void *y, void *scratch);
tm_status tm_depthwise_conv_2d_packed_pixel_rv(const tm_depthwise_conv_2d_packed_pixel_params *p, const void *x,
                                               const int32_t *w, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_PACKED_H */
