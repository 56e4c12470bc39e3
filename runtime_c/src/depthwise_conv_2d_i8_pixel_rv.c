/*
 * DEPTHWISE_CONV_2D, int8, RV32IM, for narrow outputs. Contract: tm/depthwise_conv_2d_pixel.h. Empty on other cores.
 *
 * The walk over pixels is in tm/depthwise_pixel_walk.h; here are the sums of four channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_pixel.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul)

/* loads moved ahead of their use would not find enough registers */
#pragma GCC optimize("O2", "no-schedule-insns")
#include "tm/depthwise_pixel_walk.h"

static inline int8_t pixel_output(const tm_pixel_constants *c, int32_t sum, int32_t any_sign) {
  const int32_t high = (int32_t)(((int64_t)sum * c->mult) >> 32);
  const int32_t sign = any_sign != 0 ? 2 * (sum >> 31) : 0;
  return (int8_t)tm_clamp_i32((c->add + high + sign) >> c->shift, -128, 127);
}

static const int32_t *tm_four_channels(const int32_t *w, const int32_t *taps, const int32_t *taps_end, const int8_t *x, int8_t *y,
                                       int32_t any_sign) {
  int32_t a0 = w[0];
  int32_t a1 = w[1];
  int32_t a2 = w[2];
  int32_t a3 = w[3];
  const int16_t *v = (const int16_t *)(const void *)(w + 4);
#define TAP(k)                         \
  do {                                 \
    const int8_t *px = x + taps[k];    \
    a0 += px[0] * v[4 * (k)];          \
    a1 += px[1] * v[4 * (k) + 1];      \
    a2 += px[2] * v[4 * (k) + 2];      \
    a3 += px[3] * v[4 * (k) + 3];      \
  } while (0)
  for (; taps_end - taps >= 4; taps += 4) {
    TAP(0);
    TAP(1);
    TAP(2);
    TAP(3);
    v += 16;
  }
  for (; taps != taps_end; ++taps) {
    TAP(0);
    v += 4;
  }
#undef TAP
  const tm_pixel_constants *c = (const tm_pixel_constants *)(const void *)v;
  y[0] = pixel_output(c, a0, any_sign);
  y[1] = pixel_output(c + 1, a1, any_sign);
  y[2] = pixel_output(c + 2, a2, any_sign);
  y[3] = pixel_output(c + 3, a3, any_sign);
  return (const int32_t *)(const void *)(c + 4);
}

tm_status tm_depthwise_conv_2d_i8_pixel_rv(const tm_depthwise_conv_2d_i8_pixel_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch) {
  return tm_depthwise_pixels(p, x, w, y, scratch);
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_pixel_rv_not_built;
#endif
