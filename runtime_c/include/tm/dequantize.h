/*
 * DEQUANTIZE to float32.
 *
 *   y[h,w,c] = scale * (x[h,w,c] - zero_point)        x, y [H,W,C]
 *
 * scale > 0, zero_point within x's type. Order, alignment, errors: elementwise.h. Aliasing: none (y's elements are larger).
 * Numerics: LiteRT reference_ops::Dequantize; one float32 multiplication rounds to the same value as its double.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEQUANTIZE_H
#define TM_DEQUANTIZE_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_dequantize_params {
  tm_geom in, out;
  float scale;
  int32_t zero_point;
} tm_dequantize_params;

tm_status tm_dequantize_i8(const tm_dequantize_params *p, const int8_t *x, float *y, void *scratch);
tm_status tm_dequantize_u8(const tm_dequantize_params *p, const uint8_t *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEQUANTIZE_H */
