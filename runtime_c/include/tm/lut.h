/*
 * Any function of one 8-bit value, tabulated at compile time: RELU*, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, requantisation
 * (QUANTIZE), and ADD, SUB, MUL with a constant scalar.
 *
 *   y[h,w,c] = lut[(uint8_t)x[h,w,c]]        x, y [H,W,C] of any 8-bit type, lut 256 bytes, indexed by the byte as unsigned
 *
 * Order, aliasing, alignment, errors: elementwise.h. Numerics: each operator's file says where its table comes from.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_LUT_H
#define TM_LUT_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_lut_i8_params {
  tm_geom in, out;
} tm_lut_i8_params;

/* x and y may be int8 or uint8. */
tm_status tm_lut_i8(const tm_lut_i8_params *p, const void *x, const uint8_t *lut, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_LUT_H */
