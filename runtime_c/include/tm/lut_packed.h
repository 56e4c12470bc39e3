/*
 * A function of one value of 8, 4 or 2 bits, tabulated at compile time, to values of 8, 4 or 2 bits: requantisation (QUANTIZE).
 *
 *   y[h,w,c] = lut[code(x[h,w,c])]   code: the in_bits bits as an unsigned number; lut of 2^in_bits int8, each within out_bits
 *
 * x, y: tm/packed.h's layout; geometries count bytes. Scratch: none.
 * Order: pixels ascend, a pixel is read before it is written. Aliasing: y may be x where both have the same width and geometry.
 * Alignment: none. Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the geometries do not belong together.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_LUT_PACKED_H
#define TM_LUT_PACKED_H

#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_lut_packed_params {
  tm_geom in, out; /* c in bytes */
  int32_t c;
  int32_t in_bits, out_bits;
} tm_lut_packed_params;

tm_status tm_lut_packed(const tm_lut_packed_params *p, const void *x, const int8_t *lut, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_LUT_PACKED_H */
