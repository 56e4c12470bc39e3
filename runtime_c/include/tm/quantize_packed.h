/*
 * QUANTIZE of float32 to values of 4 or 2 bits, and DEQUANTIZE of these: tm/quantize.h's and tm/dequantize.h's arithmetic on tm/packed.h's
 * layout. The geometry of the packed side counts bytes. Scratch: none.
 * Order: pixels ascend, a pixel is read before it is written. Aliasing: none. Alignment: that of float on its side.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the geometries do not belong together.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_QUANTIZE_PACKED_H
#define TM_QUANTIZE_PACKED_H

#include "tm/packed.h"
#include "tm/quantize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_quantize_packed_params {
  tm_geom in, out;
  int32_t c, bits; /* channels, and the width of the packed side */
  float scale;
  int32_t zero_point;
  int32_t clamp_lo, clamp_hi; /* the output's range, QUANTIZE only */
} tm_quantize_packed_params;

tm_status tm_quantize_packed(const tm_quantize_packed_params *p, const float *x, void *y, void *scratch);
tm_status tm_dequantize_packed(const tm_quantize_packed_params *p, const void *x, float *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_QUANTIZE_PACKED_H */
