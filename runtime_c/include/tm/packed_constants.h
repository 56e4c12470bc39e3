/*
 * Bias, multiplier and shift of each output channel in as few bits as they need: for kernels that unpack them into scratch.
 *
 * Pairs of channels (0,1), (2,3), ...; where their number is odd, the last pair is (C-2, C-1). A pair (a, b) is 8 + high_bits / 4
 * bytes, one pair directly behind the other:
 *   a's word, b's word: lowest 23 bits what follows the leading one of M, 2^23 <= M < 2^24: the channel's scale in the file, a
 *     float32; then the lowest 9 bits of its rest
 *   high_bits each of what is left of a's rest and of b's, a's first
 * A channel's rest is s in shift_bits, behind it the bias in two's complement, with the zero point's term folded in.
 * With p = floor(2^7 * M * factor / 2^32), factor a number of 64 bits whose highest one is set:
 *   mult = round(p / 2^31) where p < 2^62, round(p / 2^32) otherwise; e = shift_base + s
 * mult and e are LiteRT's: real multiplier mult * 2^(-31-e), mult in [2^30, 2^31).
 * A layer's weights follow on the next word.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PACKED_CONSTANTS_H
#define TM_PACKED_CONSTANTS_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_packed_constants {
  /* high_bits, one of 4, 8, 12, 16, + 32 * shift_bits, 0..5, + 256 * (shift_base + 128) + 65536 * the output's zero point; 0 where the
   * constants are not packed */
  int32_t form;
  uint32_t factor_high, factor_low;
} tm_packed_constants;

#define TM_PAIR_RECORD 8 /* words */

/* A firmware whose network has no packed constants is built without what unpacks them (-D...=0). */
#ifndef TM_PACKED_CONSTANTS_USED
#define TM_PACKED_CONSTANTS_USED 1
#endif

typedef struct tm_channel_constants {
  int32_t bias, mult, shift; /* shift: e */
} tm_channel_constants;

/* A little-endian word at any address: compilers make it one load where that is allowed. */
static inline uint32_t tm_word_at(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline int32_t tm_packed_high_bits(const tm_packed_constants *q) { return q->form & 31; }
static inline int32_t tm_packed_shift_bits(const tm_packed_constants *q) { return q->form >> 5 & 7; }
static inline int32_t tm_packed_shift_base(const tm_packed_constants *q) { return (q->form >> 8 & 255) - 128; }
static inline int32_t tm_packed_zero_point(const tm_packed_constants *q) { return q->form >> 16; }

/* Bytes of a pair of channels. */
static inline int32_t tm_packed_pair(const tm_packed_constants *q) { return 8 + tm_packed_high_bits(q) / 4; }

/* Words of `channels` channels. */
static inline int32_t tm_packed_words(const tm_packed_constants *q, int32_t channels) {
  return ((channels + 1) / 2 * tm_packed_pair(q) + 3) / 4;
}

/* The constants of the pair's first channel, or of its second one. */
static inline tm_channel_constants tm_unpack_constants(const tm_packed_constants *q, const void *bits, int32_t pair, int32_t second) {
  const uint8_t *begin = (const uint8_t *)bits + pair * tm_packed_pair(q);
  const uint32_t word = tm_word_at(begin + 4 * second);
  const uint32_t both = tm_word_at(begin + tm_packed_pair(q) - 4); /* the highest bits */
  const int32_t bits_of_rest = tm_packed_high_bits(q);
  const int32_t high = (int32_t)(second != 0 ? both : both << bits_of_rest) >> (32 - bits_of_rest);
  const int32_t rest = high * 512 + (int32_t)(word >> 23);
  /* M and p twice as large, so that a carry is a sign */
  const uint32_t m = (uint32_t)1 << 31 | word << 8;
  const uint64_t p = (uint64_t)m * q->factor_high + ((uint64_t)m * q->factor_low >> 32);
  const uint32_t p_high = (uint32_t)(p >> 32);
  tm_channel_constants c;
  c.shift = tm_packed_shift_base(q) + (rest & ((1 << tm_packed_shift_bits(q)) - 1));
  c.bias = rest >> tm_packed_shift_bits(q);
  c.mult = (int32_t)(p_high >> 31 != 0 ? (p_high + 1u) >> 1 : p_high + ((uint32_t)p >> 31));
  return c;
}

/*
 * Armv7E-M: the records of tm/conv_2d_pairs.h for `channels` >= 2 channels, aligned to 4: ceil(channels / 2) of TM_PAIR_RECORD words.
 * With LiteRT's mult and e, and the output's zero point z:
 *   any_sign == 0: shift = e + 7, add = (z << shift) + 2^(shift-1) + 2^6; 1 <= e <= 16
 *   any_sign != 0: shift = e, add = (z << shift) + 2^(shift-1); 1 <= e <= 22
 * Returns what follows the packed constants.
 */
const int32_t *tm_unpack_pairs_dsp(const tm_packed_constants *q, const int32_t *bits, int32_t channels, int32_t any_sign,
                                   int32_t *records);

/*
 * Armv7E-M: the stream of tm/depthwise_conv_2d_3x3.h, ceil(c / 4) groups, from the packed constants of c channels, c even and at least 4,
 * and the weights behind them.
 */
void tm_unpack_3x3_dsp(const tm_packed_constants *q, const int32_t *words, int32_t c, int32_t *stream);

#ifdef __cplusplus
}
#endif

#endif /* TM_PACKED_CONSTANTS_H */
