/*
 * AVERAGE_POOL_2D of values of 4 or 2 bits: rows are widened to int8, the int8 kernel runs on one output row, and its outputs are packed
 * (tm/packed.h). Same results as tm/average_pool_2d.h. Input and output may have different widths; raw values are taken over as they are.
 *
 * Scratch: see tm/packed.h, aligned to 4. Alignment of x and y: none.
 * Order: window.h's, and all reads for a row precede its first write. Aliasing: as the planner proves from the order.
 * Errors: tm/average_pool_2d.h's; TM_ERR_SHAPE where a geometry's c is not the bytes of the channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_AVERAGE_POOL_2D_PACKED_H
#define TM_AVERAGE_POOL_2D_PACKED_H

#include "tm/average_pool_2d.h"
#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_average_pool_2d_packed_params {
  TM_PACKED_FIELDS
  tm_average_pool_2d_i8_params inner;
} tm_average_pool_2d_packed_params;

tm_status tm_average_pool_2d_packed(const tm_average_pool_2d_packed_params *p, const void *x, void *y, void *scratch);

/* Armv7E-M: tm_average_pool_2d_i8_dsp's limits. */
tm_status tm_average_pool_2d_packed_dsp(const tm_average_pool_2d_packed_params *p, const void *x, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_AVERAGE_POOL_2D_PACKED_H */
