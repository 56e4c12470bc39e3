/*
 * Numbers to and from text without stdio. Internal to the runner.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RUNNER_TEXT_NUMBER_H
#define TM_RUNNER_TEXT_NUMBER_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_TEXT_DIGITS 24 /* room for every number below with its sign, point and NUL */

/* n / d and the remainder, bit by bit: the compiler's library function would be larger than the whole text mode's numbers. d > 0. */
uint64_t tm_text_divide(uint64_t n, uint32_t d, uint32_t *rest);

/* Each returns the start of the NUL-terminated text within `digits`. */
const char *tm_text_u64(char digits[TM_TEXT_DIGITS], uint64_t v);

/* A little-endian integer of `bytes` bytes, 1..8. */
const char *tm_text_integer(char digits[TM_TEXT_DIGITS], const uint8_t *p, uint32_t bytes, int is_unsigned);

/*
 * The float32 with these bits as C's "%.3f" prints it: three digits, the exact value rounded to nearest, ties to even.
 * Beyond +-4294967295.999 the number is cut to that; so are infinities, and NaN.
 */
const char *tm_text_float(char digits[TM_TEXT_DIGITS], uint32_t bits);

/* A decimal number below 10^9. 0: the text is not one. */
int tm_text_parse(const char *s, uint32_t *v);

/* 0..15, or 16 where the character is not a hexadecimal digit. */
uint32_t tm_text_hex(char c);

#ifdef __cplusplus
}
#endif

#endif /* TM_RUNNER_TEXT_NUMBER_H */
