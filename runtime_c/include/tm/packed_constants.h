/*
 * Bias, multiplier and shift of each output channel in as few bits as they need: for kernels that unpack them into scratch.
 *
 * Channel k's fields begin at bit k * (bias_bits + 23 + shift_bits) of `bits`, least significant bits first:
 *   mult   23 bits, what follows the leading one of M, 2^23 <= M < 2^24: the channel's scale in the file, a float32
 *   shift  s
 *   bias   two's complement, with the zero point's term folded in
 * With p = floor(2^7 * M * factor / 2^32), factor a number of 64 bits whose highest one is set:
 *   mult = round(p / 2^31), e = shift_base + s      where p < 2^62
 *   mult = round(p / 2^32), e = shift_base + s - 1  otherwise
 * mult and e are LiteRT's: real multiplier mult * 2^(-31-e), mult in [2^30, 2^31).
 * Eight bytes behind the last channel's belong to `bits`: they are read and not used.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PACKED_CONSTANTS_H
#define TM_PACKED_CONSTANTS_H

#include "tm/base.h"

typedef struct tm_packed_constants {
  const uint32_t *bits;
  uint8_t bias_bits, shift_bits; /* 1..26, 1..5; together at most 31 */
  int16_t shift_base;
  uint32_t factor_high, factor_low;
} tm_packed_constants;

typedef struct tm_channel_constants {
  int32_t bias, mult, shift; /* shift: e */
} tm_channel_constants;

/* A little-endian word at any address: compilers make it one load where that is allowed. */
static inline uint32_t tm_word_at(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline tm_channel_constants tm_unpack_constants(tm_packed_constants q, int32_t channel) {
  const uint32_t at = (uint32_t)channel * (23u + q.shift_bits + q.bias_bits);
  const uint8_t *byte = (const uint8_t *)q.bits + (at >> 3);
  const uint32_t low = tm_word_at(byte);
  const uint32_t high = tm_word_at(byte + 4);
  const uint32_t s = at & 7u;
  const uint32_t first = low >> s | high << 1 << (31u - s); /* mult, and what comes behind it */
  const uint32_t rest = first >> 23 | high >> s << 9;
  const uint32_t m = (uint32_t)1 << 30 | first << 9 >> 2;
  const uint64_t p = (uint64_t)m * q.factor_high + ((uint64_t)m * q.factor_low >> 32);
  const uint32_t p_high = (uint32_t)(p >> 32);
  const uint32_t p_low = (uint32_t)p;
  tm_channel_constants c;
  c.shift = q.shift_base + (int32_t)(rest & (((uint32_t)1 << q.shift_bits) - 1u));
  c.bias = (int32_t)(rest << (32u - q.shift_bits - q.bias_bits)) >> (32u - q.bias_bits);
  if (p_high >> 30 != 0) {
    c.mult = (int32_t)(p_high + (p_low >> 31));
    --c.shift;
  } else {
    c.mult = (int32_t)(((p_high << 2 | p_low >> 30) + 1u) >> 1);
  }
  return c;
}

#endif /* TM_PACKED_CONSTANTS_H */
