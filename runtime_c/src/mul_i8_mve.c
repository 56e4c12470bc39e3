/*
 * MUL, int8, Armv8.1-M with Helium. Contract: tm/pairwise_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
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
  if (!tm_same_extent(&p->a, &p->out) || !tm_same_extent(&p->b, &p->out) || p->out_shift > -1) {
    return TM_ERR_SHAPE;
  }
  const int32_t c = p->out.c;
  const int joined = p->a.px_stride == c && p->b.px_stride == c && p->out.px_stride == c;
  const int32_t count = joined ? 1 : p->out.w;
  const int32_t len = joined ? p->out.w * c : c;
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *a_row = a + tm_row_offset(&p->a, row);
    const int8_t *b_row = b + tm_row_offset(&p->b, row);
    int8_t *y_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < count; ++k) {
      run(p, a_row, b_row, y_row, len);
      a_row += p->a.px_stride;
      b_row += p->b.px_stride;
      y_row += p->out.px_stride;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_mul_i8_mve_not_built;
#endif
