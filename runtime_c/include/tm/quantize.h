/*
 * QUANTIZE from float32 to int8 or uint8 (8-bit to 8-bit: lut.h).
 *
 *   y[h,w,c] = clamp(round(x[h,w,c] / scale) + zero_point, clamp_lo, clamp_hi)        x, y [H,W,C]
 *
 * round() takes halves away from zero; the division is a float32 division. scale > 0; clamp_lo <= zero_point <= clamp_hi are
 * within -128..127 or 0..255 and choose the output's type. NaN gives clamp_lo.
 * Order, aliasing, alignment, errors: elementwise.h; y may begin where x begins (dense tensors), as its elements are smaller.
 * Numerics: LiteRT reference_ops::AffineQuantize, which is undefined for NaN and for |x / scale| >= 2^31.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_QUANTIZE_H
#define TM_QUANTIZE_H

#include "tm/elementwise.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_quantize_f32_params {
  tm_geom in, out;
  float scale;
  int32_t zero_point;
  int32_t clamp_lo, clamp_hi;
} tm_quantize_f32_params;

/* One value, for code that converts while it copies. */
static inline int32_t tm_quantize_value(float x, float scale, int32_t zero_point, int32_t clamp_lo, int32_t clamp_hi) {
  const float v = x / scale;
  if (!(v > (float)(clamp_lo - zero_point))) {
    return clamp_lo;
  }
  if (v >= (float)(clamp_hi - zero_point)) {
    return clamp_hi;
  }
  const int32_t whole = (int32_t)v;
  const float rest = v - (float)whole;
  return whole + zero_point + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

/* y is int8 or uint8. */
tm_status tm_quantize_f32(const tm_quantize_f32_params *p, const float *x, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_QUANTIZE_H */
