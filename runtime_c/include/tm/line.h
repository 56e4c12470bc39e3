/*
 * A function of one int8 value whose table is a clamped line: the hard sigmoid of squeeze-and-excite, sums and products with a
 * constant, requantisation. Five numbers in place of the 256 bytes of tm/lut.h.
 *
 *   y[h,w,c] = min(max((x[h,w,c] * mult + add) >> shift, clamp_lo), clamp_hi)        x, y [H,W,C]
 *
 * The shift rounds down; 0 <= shift <= 31; -128 <= clamp_lo <= clamp_hi <= 127; |x * mult + add| < 2^31 for all 256 x.
 * Order, aliasing, alignment, errors: elementwise.h. Numerics: the compiler tries all 256 values (converter/ops/_line.py).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_LINE_H
#define TM_LINE_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_line_i8_params {
  tm_geom in, out;
  int32_t mult, add, shift;
  int32_t clamp_lo, clamp_hi;
} tm_line_i8_params;

tm_status tm_line_i8(const tm_line_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_LINE_H */
