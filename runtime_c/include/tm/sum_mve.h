/*
 * Sums over pixels, eight channels together, for _mve kernels only.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SUM_MVE_H
#define TM_SUM_MVE_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/* acc + the sum over n pixels, `step` bytes apart, of as many channels from x on as are left, at most 8. At most 255 pixels fit
 * 16 bits. Lanes beyond the channels are neither read nor meaningful. */
static inline int16x8_t tm_sum_pixels_mve(int16x8_t acc, const int8_t *x, int32_t n, int32_t step, int32_t channels) {
  __asm__ volatile(
      "vctp.16 %[channels]\n"
      "wls lr, %[n], 2f\n"
      "1: vpst\n"
      "vldrbt.s16 q0, [%[x]]\n"
      "add %[x], %[step]\n"
      "vadd.i16 %q[acc], %q[acc], q0\n"
      "le lr, 1b\n"
      "2:\n"
      : [acc] "+w"(acc), [x] "+l"(x)
      : [n] "r"(n), [step] "r"(step), [channels] "r"(channels)
      : "d0", "d1", "lr", "cc", "memory");
  return acc;
}

#endif
#endif /* TM_SUM_MVE_H */
