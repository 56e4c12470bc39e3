/*
 * MUL, int8, Armv8.1-M with Helium. Contract: tm/pairwise_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pairwise.h"
#include "tm/pairwise_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/* One run of n consecutive outputs. Rounding: as in add_i8_mve.c. */
static void run(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t n) {
  const int32x4_t zero = vdupq_n_s32(p->out_zero_point);
  const int32x4_t lo = vdupq_n_s32(p->clamp_lo);
  const int32x4_t hi = vdupq_n_s32(p->clamp_hi);
  __asm__ volatile(
      "wlstp.32 lr, %[n], 2f\n"
      "1: vldrb.s32 q0, [%[a]], #4\n"
      "vldrb.s32 q1, [%[b]], #4\n"
      "vadd.i32 q0, q0, %[a_offset]\n"
      "vadd.i32 q1, q1, %[b_offset]\n"
      "vmul.i32 q0, q0, q1\n"
      "vqrdmulh.s32 q1, q0, %[mult]\n"
      "vshr.s32 q0, q0, #31\n"
      "vadd.i32 q1, q1, q0\n"
      "vrshl.s32 q1, %[shift]\n"
      "vadd.i32 q1, q1, %q[zero]\n"
      "vmax.s32 q1, q1, %q[lo]\n"
      "vmin.s32 q1, q1, %q[hi]\n"
      "vstrb.32 q1, [%[y]], #4\n"
      "letp lr, 1b\n"
      "2:\n"
      : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
      : [n] "r"(n), [a_offset] "r"(p->a_offset), [b_offset] "r"(p->b_offset), [mult] "r"(p->out_mult), [shift] "r"(p->out_shift),
        [zero] "w"(zero), [lo] "w"(lo), [hi] "w"(hi)
      : "d0", "d1", "d2", "d3", "lr", "memory");
}

tm_status tm_mul_i8_mve(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_shift > -1) {
    return TM_ERR_SHAPE;
  }
  TM_PAIRWISE_ROWS(p, a, b, y, run);
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_mul_i8_mve_not_built;
#endif
