/*
 * FULLY_CONNECTED of int16 activations and int8 weights.
 *
 *   acc[r,m] = bias[m] + sum over k of x[r,k] * w[m,k]
 *   y = clamp(round(acc * scale[m]), clamp_lo, clamp_hi)
 *
 * x [R,K] int16, w [M,K] int8, y [R,M] int16, all dense; bias [M] int64. scale [M] are doubles: input scale * weight scale / output
 * scale. One double product, rounded to nearest with halves away from zero: LiteRT does the same, and fewer bits than a double's
 * do not reproduce its 65,536 results. It costs a call of the compiler's support library per output where the core has no doubles.
 * Zero points are 0. Range: |acc| < 2^47. Alignment: those of the types. Scratch: none. Aliasing: none.
 * Order: rows ascend; row r of x is read before row r of y is complete, and not after.
 * Errors: TM_ERR_ARGUMENT on a null pointer.
 * Numerics: LiteRT reference_integer_ops::FullyConnected of int16, which rounds once and in double.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FULLY_CONNECTED_I16_H
#define TM_FULLY_CONNECTED_I16_H

#include "tm/wide.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fully_connected_i16_params {
  int32_t rows, in_c, out_c;
  int32_t clamp_lo, clamp_hi;
  const double *scale;
} tm_fully_connected_i16_params;

tm_status tm_fully_connected_i16(const tm_fully_connected_i16_params *p, const int16_t *x, const int8_t *w, const int64_t *bias,
                                 int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_FULLY_CONNECTED_I16_H */
