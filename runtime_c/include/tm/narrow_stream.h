/*
 * Streams of constants and weights of 4 or 2 bits, widened block by block to what a kernel on int8 weights reads.
 *
 * A block is `head` words, the weights, and `tail` words. The int8 stream's words of weights w0, w1, .. of P = 8 / bits each are one
 * packed word: in every byte, field f (lowest bits first) holds the low bits of that byte of word f. What is left of the last
 * packed word is not read.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_NARROW_STREAM_H
#define TM_NARROW_STREAM_H

#include "tm/base.h"

/* Words of a packed block of `words` words of weights. */
static inline int32_t tm_narrow_words(int32_t head, int32_t words, int32_t tail, int32_t bits) {
  const int32_t per = 8 / bits;
  return head + (words + per - 1) / per + tail;
}

/*
 * Writes a block's head + words + tail words to dst, which has room for 3 more, and returns the next block's place in src. Four
 * weights are sign-extended together: with the sign bit flipped and bit 7 set no byte borrows from its neighbour.
 */
static inline const uint32_t *tm_widen_block(uint32_t *dst, const uint32_t *src, int32_t head, int32_t words, int32_t tail,
                                             int32_t bits) {
  for (int32_t k = 0; k < head; ++k) {
    *dst++ = *src++;
  }
  uint32_t *const end = dst + words;
  if (bits == 4) {
    for (; dst < end; dst += 2) {
      const uint32_t v = *src++;
      dst[0] = (((v & 0x0f0f0f0fu) ^ 0x88888888u) - 0x08080808u) ^ 0x80808080u;
      dst[1] = ((((v >> 4) & 0x0f0f0f0fu) ^ 0x88888888u) - 0x08080808u) ^ 0x80808080u;
    }
  } else {
    for (; dst < end; dst += 4) {
      uint32_t v = *src++;
      for (int32_t f = 0; f < 4; ++f, v >>= 2) {
        dst[f] = (((v & 0x03030303u) ^ 0x82828282u) - 0x02020202u) ^ 0x80808080u;
      }
    }
  }
  dst = end;
  for (int32_t k = 0; k < tail; ++k) {
    *dst++ = *src++;
  }
  return src;
}

#endif /* TM_NARROW_STREAM_H */
