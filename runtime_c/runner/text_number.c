/*
 * Numbers to and from text without stdio.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "text_number.h"

uint64_t tm_text_divide(uint64_t n, uint32_t d, uint32_t *rest) {
  uint64_t r = 0;
  for (int k = 0; k < 64; ++k) {
    r = (r << 1) | (n >> 63);
    n <<= 1;
    if (r >= d) {
      r -= d;
      n |= 1u;
    }
  }
  *rest = (uint32_t)r;
  return n;
}

/* The number, ending before `end`. */
static char *put_digits(char *end, uint64_t v) {
  do {
    uint32_t digit;
    v = tm_text_divide(v, 10, &digit);
    *--end = (char)('0' + digit);
  } while (v != 0);
  return end;
}

static char *finish(char digits[TM_TEXT_DIGITS]) {
  digits[TM_TEXT_DIGITS - 1] = '\0';
  return digits + TM_TEXT_DIGITS - 1;
}

const char *tm_text_u64(char digits[TM_TEXT_DIGITS], uint64_t v) { return put_digits(finish(digits), v); }

const char *tm_text_integer(char digits[TM_TEXT_DIGITS], const uint8_t *p, uint32_t bytes, int is_unsigned) {
  const int negative = !is_unsigned && p[bytes - 1u] >= 128u;
  uint64_t v = negative ? ~(uint64_t)0 : 0;
  for (uint32_t k = bytes; k > 0; --k) {
    v = (v << 8) | p[k - 1u];
  }
  char *s = put_digits(finish(digits), negative ? 0u - v : v);
  if (negative) {
    *--s = '-';
  }
  return s;
}

const char *tm_text_float(char digits[TM_TEXT_DIGITS], uint32_t bits) {
  const uint32_t exponent = bits >> 23 & 255u;
  const uint32_t m = (bits & 0x7FFFFFu) | (exponent != 0 ? 0x800000u : 0u);
  uint32_t shift = exponent == 0 ? 149u : 150u - exponent; /* the value is m / 2^shift, or m * 2^-shift for a large exponent */
  uint32_t whole = 0;
  uint32_t thousandths = 0;
  if (exponent > 158u) {
    whole = 0xFFFFFFFFu;
    thousandths = 999;
  } else if (exponent >= 150u) {
    whole = m << (exponent - 150u); /* below 2^32 */
  } else if (shift < 40u) { /* else below 2^-16 */
    uint32_t rest = m;
    if (shift < 24u) {
      whole = m >> shift;
      rest -= whole << shift;
    }
    for (int k = 0; k < 3; ++k) { /* rest / 2^shift * 10 = rest * 5 / 2^(shift - 1); 2^24 * 125 < 2^31 */
      rest *= 5u;
      const uint32_t digit = rest != 0 && --shift < 32u ? rest >> shift : 0u;
      rest -= digit != 0 ? digit << shift : 0u;
      thousandths = thousandths * 10u + digit;
    }
    const uint32_t half = shift - 1u < 32u ? (uint32_t)1 << (shift - 1u) : ~(uint32_t)0;
    thousandths += rest > half || (rest == half && (thousandths & 1u) != 0);
    if (thousandths == 1000u) {
      thousandths = 0;
      ++whole;
    }
  }
  char *s = finish(digits);
  for (int k = 0; k < 3; ++k) {
    *--s = (char)('0' + thousandths % 10u);
    thousandths /= 10u;
  }
  *--s = '.';
  s = put_digits(s, whole);
  if (bits >> 31 != 0) {
    *--s = '-';
  }
  return s;
}

int tm_text_parse(const char *s, uint32_t *v) {
  uint32_t n = 0;
  const char *const start = s;
  for (; *s >= '0' && *s <= '9'; ++s) {
    n = n * 10u + (uint32_t)(*s - '0');
  }
  *v = n;
  return *s == '\0' && s > start && s - start <= 9;
}

uint32_t tm_text_hex(char c) {
  if (c >= '0' && c <= '9') {
    return (uint32_t)(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return (uint32_t)(c - 'a') + 10u;
  }
  return c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10u : 16u;
}
