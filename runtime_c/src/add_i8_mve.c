/*
 * ADD and SUB, int8, Armv8.1-M with Helium. Contract: tm/pairwise_mve.h. Empty on other cores.
 *
 * Both roundings are the core's own, halves up (VQRDMULH, VRSHL); negative values lose 1 before the second, so that its ties go
 * away from zero. That needs a shift of at least 1: an operand that is only halved is taken twice as large and halved twice.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pairwise.h"
#include "tm/pairwise_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/* One run of n consecutive outputs; by itself, for it takes all registers. */
static __attribute__((noinline)) void run(const tm_add_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t n) {
  const int32x4_t a_offset = vdupq_n_s32(p->a_offset);
  const int32x4_t b_offset = vdupq_n_s32(p->b_offset * p->b_factor);
  const int32x4_t zero = vdupq_n_s32(p->out_zero_point);
  const int32x4_t lo = vdupq_n_s32(p->clamp_lo);
  const int32x4_t hi = vdupq_n_s32(p->clamp_hi);
  const int32_t halved = p->a_shift == 0 ? 1 : 0;
  __asm__ volatile(
      "wlstp.32 lr, %[n], 2f\n"
      "1: vldrb.s32 q0, [%[a]], #4\n"
      "vldrb.s32 q1, [%[b]], #4\n"
      "vadd.i32 q0, q0, %q[a_offset]\n"
      "vshl.s32 q0, %[left]\n"
      "vqrdmulh.s32 q2, q0, %[a_mult]\n"
      "vshr.s32 q0, q2, #31\n"
      "vadd.i32 q2, q2, q0\n"
      "vrshl.s32 q2, %[a_shift]\n"
      "vmla.s32 q2, q1, %[b_factor]\n"
      "vadd.i32 q2, q2, %q[b_offset]\n"
      "vqrdmulh.s32 q0, q2, %[mult]\n"
      "vshr.s32 q2, q2, #31\n"
      "vadd.i32 q0, q0, q2\n"
      "vrshl.s32 q0, %[shift]\n"
      "vadd.i32 q0, q0, %q[zero]\n"
      "vmax.s32 q0, q0, %q[lo]\n"
      "vmin.s32 q0, q0, %q[hi]\n"
      "vstrb.32 q0, [%[y]], #4\n"
      "letp lr, 1b\n"
      "2:\n"
      : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
      : [n] "r"(n), [left] "r"(20 + halved), [a_mult] "r"(p->a_mult), [a_shift] "r"(p->a_shift - halved), [b_factor] "r"(p->b_factor),
        [mult] "r"(p->out_mult), [shift] "r"(p->out_shift), [a_offset] "w"(a_offset), [b_offset] "w"(b_offset), [zero] "w"(zero),
        [lo] "w"(lo), [hi] "w"(hi)
      : "d0", "d1", "d2", "d3", "d4", "d5", "lr", "memory");
}

tm_status tm_add_i8_mve(const tm_add_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || a == NULL || b == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_shift > -1 || p->a_shift > 0) {
    return TM_ERR_SHAPE;
  }
  TM_PAIRWISE_ROWS(p, a, b, y, run);
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_add_i8_mve_not_built;
#endif
