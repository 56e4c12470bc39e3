/*
 * QUANTIZE and DEQUANTIZE where one side is int16.
 *
 *   tm_quantize_f32_i16, float32 -> int16:  y = clamp(round(x / scale) + zero_point, -32768, 32767), see tm/quantize.h
 *   tm_dequantize_i16, int16 -> float32:    y = scale * (x - zero_point)
 *   tm_quantize_<from>_<to>, integers:      y = clamp(requant(x - in_zero_point, mult, shift) + out_zero_point) to y's type
 *
 * mult, shift hold input scale / output scale. Range: x - in_zero_point shifted left wraps, as in LiteRT.
 * Order, aliasing (in place only where both sides have elements of one size), alignment, errors: elementwise.h.
 * Numerics: LiteRT reference_ops::AffineQuantize, Dequantize, Requantize (two roundings).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_QUANTIZE_I16_H
#define TM_QUANTIZE_I16_H

#include "tm/dequantize.h"
#include "tm/quantize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_quantize_wide_params {
  tm_geom in, out;
  int32_t in_zero_point, mult, shift, out_zero_point;
} tm_quantize_wide_params;

static inline int32_t tm_requantised(const tm_quantize_wide_params *p, int32_t x, int32_t lo, int32_t hi) {
  return tm_offset_clamp_i32(tm_requant(x - p->in_zero_point, p->mult, p->shift), p->out_zero_point, lo, hi);
}

tm_status tm_quantize_f32_i16(const tm_quantize_f32_params *p, const float *x, int16_t *y, void *scratch);
tm_status tm_dequantize_i16(const tm_dequantize_params *p, const int16_t *x, float *y, void *scratch);
tm_status tm_quantize_i16_i8(const tm_quantize_wide_params *p, const int16_t *x, int8_t *y, void *scratch);
tm_status tm_quantize_i8_i16(const tm_quantize_wide_params *p, const int8_t *x, int16_t *y, void *scratch);
tm_status tm_quantize_i16_i16(const tm_quantize_wide_params *p, const int16_t *x, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_QUANTIZE_I16_H */
