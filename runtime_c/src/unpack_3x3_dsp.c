/*
 * The stream of a 3x3 depthwise convolution from packed constants and int8 weights, Armv7E-M. Contract: tm/packed_constants.h. Empty
 * on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/packed_constants.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/unpack_dsp.h"

enum { GROUP_WORDS = 30 };

/* What the assembly below reads, in this order. */
typedef struct unpack_job {
  const void *pair;
  int32_t *word;     /* the group's stream */
  const int8_t *tap; /* of the group's first channel */
  int32_t shift_bits, mask;
  int32_t scale;     /* 9 - shift_base */
  uint32_t factor_high, factor_low;
  int32_t pair_bytes;
  int32_t groups;
  int32_t high_bits, rest; /* 32 - high_bits */
} unpack_job;

/* A column's taps of a channel, times 2^scale: the first two rows' become a word, the last one's (in r) a half. */
#define TAPS(scale, r, T0, T1, T2, WORD, HALF) \
  "ldrsb r12, [r2, #" T0 "]\n"                 \
  "ldrsb lr, [r2, #" T1 "]\n"                  \
  "ldrsb " r ", [r2, #" T2 "]\n"               \
  "lsl r12, r12, " scale "\n"                  \
  "lsl lr, lr, " scale "\n"                    \
  "lsl " r ", " r ", " scale "\n"              \
  "pkhbt r12, r12, lr, lsl #16\n"              \
  "str r12, [r1, #" WORD "]\n"                 \
  "strh " r ", [r1, #" HALF "]\n"
/* A channel's constants and its taps. r5: scale, less what the channel has of shift. */
#define CHANNEL(word, rest, BIAS, W0, W1, W2, H0, H1, H2, MULT, ADD)       \
  TM_UNPACK_CHANNEL(word, rest)                                            \
  "sub " word ", r5, " word "\n"                                           \
  "str lr, [r1, #" MULT "]\n"                                              \
  "lsl " rest ", " rest ", #8\n"                                           \
  "mov r12, #0x40\n"                                                       \
  "lsl " rest ", " rest ", " word "\n"                                     \
  "lsl r12, r12, " word "\n"                                               \
  "str " rest ", [r1, #" BIAS "]\n"                                        \
  "add r12, r12, #0x8000\n"                                                \
  "str r12, [r1, #" ADD "]\n" TAPS(word, rest, "0", "3", "6", W0, H0) TAPS(word, rest, "1", "4", "7", W1, H1) TAPS(word, rest, "2", "5", "8", W2, H2)

/* Groups of four channels of the stream: its halves are of the channels 0 and 2, and of 1 and 3. */
static __attribute__((naked, noinline)) void tm_unpack_groups(const unpack_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "sub sp, #16\n"
      "add r8, r0, #32\n"
      "ldm r8, {r8-r11}\n"
      "stm sp, {r8-r11}\n"
      "ldm r0, {r0-r7}\n"
      ".Ltm_unpack_groups_group:\n" TM_UNPACK_PAIR("8")
      CHANNEL("r9", "r11", "0", "8", "16", "24", "32", "36", "40", "44", "52") "add r2, r2, #9\n"
      CHANNEL("r10", "r8", "60", "68", "76", "84", "92", "96", "100", "104", "112") "add r2, r2, #9\n"
      TM_UNPACK_PAIR("8")
      CHANNEL("r9", "r11", "4", "12", "20", "28", "34", "38", "42", "48", "56") "add r2, r2, #9\n"
      CHANNEL("r10", "r8", "64", "72", "80", "88", "94", "98", "102", "108", "116") "add r2, r2, #9\n"
      "ldr r8, [sp, #4]\n"
      "add r1, r1, #120\n"
      "subs r8, r8, #1\n"
      "str r8, [sp, #4]\n"
      "bne .Ltm_unpack_groups_group\n"
      "add sp, #16\n"
      "pop {r4-r11, pc}\n");
}

void tm_unpack_3x3_dsp(const tm_packed_constants *q, const int32_t *words, int32_t c, int32_t *stream) {
  const int8_t *taps = (const int8_t *)(words + tm_packed_words(q, c));
  const int32_t s = tm_packed_shift_bits(q);
  const int32_t high = tm_packed_high_bits(q);
  unpack_job job = {words, stream, taps, s, (1 << s) - 1, 9 - tm_packed_shift_base(q),
                    q->factor_high, q->factor_low, tm_packed_pair(q), c / 4, high, 32 - high};
  tm_unpack_groups(&job);
  if (c % 4 != 0) { /* the last group overlaps the one before it */
    job.pair = (const uint8_t *)words + (c / 2 - 2) * tm_packed_pair(q);
    job.word = stream + c / 4 * GROUP_WORDS;
    job.tap = taps + 9 * (c - 4);
    job.groups = 1;
    tm_unpack_groups(&job);
  }
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_unpack_3x3_dsp_not_built;
#endif
