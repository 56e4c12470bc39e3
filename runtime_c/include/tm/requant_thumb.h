/*
 * Armv6-M and Armv7-M: int8 outputs from sums that the weights have scaled. Constants come from the lowering (see
 * tm/conv_2d_swar.h for the formulas).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_REQUANT_THUMB_H
#define TM_REQUANT_THUMB_H

#include "tm/base.h"

/* floor(a * b / 2^32), b >= 0. Armv6-M multiplies to 32 bits only: four products of half-words, none of which overflows. */
static inline int32_t tm_mul_high(int32_t a, int32_t b) {
#if defined(__ARM_ARCH_6M__)
  const int32_t a_high = a >> 16;
  const int32_t b_high = b >> 16;
  const uint32_t a_low = (uint32_t)a & 0xffffu;
  const uint32_t b_low = (uint32_t)b & 0xffffu;
  const int32_t middle = a_high * (int32_t)b_low + (int32_t)((a_low * b_low) >> 16);
  const int32_t other = (int32_t)((uint32_t)middle & 0xffffu) + (int32_t)a_low * b_high;
  return a_high * b_high + (middle >> 16) + (other >> 16);
#else
  return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/* sat8((add + floor(sum * mult / 2^32) - 2 * (sum < 0 where any_sign)) >> shift) */
static inline int8_t tm_output_thumb(int32_t sum, int32_t mult, int32_t add, int32_t shift, int32_t any_sign) {
  const int32_t t = (add + tm_mul_high(sum, mult) + (any_sign != 0 ? 2 * (sum >> 31) : 0)) >> shift;
#if defined(__ARM_ARCH_6M__)
  return (int8_t)tm_clamp_i32(t, INT8_MIN, INT8_MAX);
#else
  int32_t y;
  __asm__("ssat %0, #8, %1" : "=r"(y) : "r"(t));
  return (int8_t)y;
#endif
}

#endif /* TM_REQUANT_THUMB_H */
