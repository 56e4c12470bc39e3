/*
 * Armv7E-M: the fields of packed constants (tm/packed_constants.h) in registers, as strings of assembly for loops over pairs of
 * channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_UNPACK_DSP_H
#define TM_UNPACK_DSP_H

/*
 * r0: the pair, moved to the next one. sp: bytes of a pair; at AT (a string), high_bits and 32 - high_bits.
 * Then r9, r10: the channels' words, r11, r8: what is left of their rests. Changes r12, lr.
 */
#define TM_UNPACK_PAIR(AT)         \
  "ldr r9, [r0]\n"                 \
  "ldr r10, [r0, #4]\n"            \
  "ldr r12, [sp]\n"                \
  "add r0, r0, r12\n"              \
  "ldr r8, [r0, #-4]\n"            \
  "ldrd r11, r12, [sp, #" AT "]\n" \
  "lsl r11, r8, r11\n"             \
  "asr r11, r11, r12\n"            \
  "asr r8, r8, r12\n"

/*
 * One channel: from its word and what is left of its rest to its s and its bias; lr: mult. Changes r12.
 * r3: shift_bits, r4: 2^shift_bits - 1, r6: factor_high, r7: factor_low.
 */
#define TM_UNPACK_CHANNEL(word, rest)             \
  "lsr r12, " word ", #23\n"                      \
  "orr " rest ", r12, " rest ", lsl #9\n"         \
  "lsl " word ", " word ", #8\n"                  \
  "orr " word ", " word ", #0x80000000\n" /* 2 M */ \
  "umull lr, r12, " word ", r7\n"                 \
  "mov lr, #0\n"                                  \
  "umlal r12, lr, " word ", r6\n" /* 2 p in lr, r12 */ \
  "and " word ", " rest ", r4\n"                  \
  "asr " rest ", " rest ", r3\n"                  \
  "cmp lr, #0\n"                                  \
  "itte lt\n"                                     \
  "addlt lr, lr, #1\n"                            \
  "lsrlt lr, lr, #1\n"                            \
  "addge lr, lr, r12, lsr #31\n"

#endif /* TM_UNPACK_DSP_H */
