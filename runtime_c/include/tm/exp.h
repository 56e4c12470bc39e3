/*
 * exp(x) in float32 without a mathematics library, for LOGISTIC, TANH and SOFTMAX.
 *
 * x is limited to -87..88, where the result is a normal number; NaN gives NaN. Relative error below 3e-7.
 * Method: x = n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, the first exact when multiplied by n), the Taylor polynomial
 * of degree 7 in r, and 2^n put together from its bits.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_EXP_H
#define TM_EXP_H

#include <string.h>

#include "tm/base.h"

static inline float tm_exp_f32(float x) {
  if (x != x) {
    return x;
  }
  const float limited = tm_clamp_f32(x, -87.0f, 88.0f);
  const float quotient = limited * 1.44269504f;
  const int32_t n = (int32_t)(quotient < 0.0f ? quotient - 0.5f : quotient + 0.5f);
  const float r = (limited - (float)n * 0.693359375f) - (float)n * -2.12194440e-4f;
  float sum = 1.0f / 5040.0f;
  sum = sum * r + 1.0f / 720.0f;
  sum = sum * r + 1.0f / 120.0f;
  sum = sum * r + 1.0f / 24.0f;
  sum = sum * r + 1.0f / 6.0f;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const uint32_t bits = (uint32_t)(n + 127) << 23;
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

#endif /* TM_EXP_H */
