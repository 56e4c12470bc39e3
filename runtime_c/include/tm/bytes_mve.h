/*
 * Runs of bytes with the vector extension of Armv8.1-M: sixteen a step, the last ones predicated, so that nothing beyond the
 * run is read or written. For _mve kernels only.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BYTES_MVE_H
#define TM_BYTES_MVE_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)

/* dst[0..n) = src[0..n), which may not overlap. Returns dst + n. */
static inline int8_t *tm_copy_bytes_mve(int8_t *dst, const int8_t *src, int32_t n) {
  int8_t *to = dst;
  __asm__ volatile(
      "wlstp.8 lr, %[n], 2f\n"
      "1: vldrb.8 q0, [%[src]], #16\n"
      "vstrb.8 q0, [%[to]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [to] "+r"(to), [src] "+r"(src)
      : [n] "r"(n)
      : "d0", "d1", "lr", "memory");
  return dst + n;
}

/* dst[0..n) = value. Returns dst + n. */
static inline int8_t *tm_fill_bytes_mve(int8_t *dst, int32_t value, int32_t n) {
  int8_t *to = dst;
  __asm__ volatile(
      "vdup.8 q0, %[value]\n"
      "wlstp.8 lr, %[n], 2f\n"
      "1: vstrb.8 q0, [%[to]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [to] "+r"(to)
      : [value] "r"(value), [n] "r"(n)
      : "d0", "d1", "lr", "memory");
  return dst + n;
}

#endif
#endif /* TM_BYTES_MVE_H */
