/*
 * FULLY_CONNECTED, int8, Armv8.1-M with Helium. Contract: tm/fully_connected_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/* Sums of four channels over k inputs; *w is left behind their weights. Reads up to 15 bytes of the stream behind those. */
static inline int32x4_t four_sums(const int8_t *x, const int8_t **w, int32_t k) {
  const int8_t *weights = *w;
  const int32_t rest = k & 15;
  int32x4_t sums;
  __asm__ volatile(
      "movs r4, #0\n"
      "movs r6, #0\n"
      "mov r8, #0\n"
      "mov r10, #0\n"
      "wls lr, %[chunks], 2f\n"
      "1: vldrb.8 q0, [%[x]], #16\n"
      "vldrb.8 q1, [%[w]], #16\n"
      "vmladava.s8 r4, q0, q1\n"
      "vldrb.8 q2, [%[w]], #16\n"
      "vmladava.s8 r6, q0, q2\n"
      "vldrb.8 q1, [%[w]], #16\n"
      "vmladava.s8 r8, q0, q1\n"
      "vldrb.8 q2, [%[w]], #16\n"
      "vmladava.s8 r10, q0, q2\n"
      "le lr, 1b\n"
      "2: cmp %[rest], #0\n"
      "beq 3f\n"
      "vctp.8 %[rest]\n" /* inputs beyond the row's end count as 0 and are not read */
      "vpst\n"
      "vldrbt.8 q0, [%[x]]\n"
      "vldrb.8 q1, [%[w]]\n"
      "add %[w], %[rest]\n"
      "vmladava.s8 r4, q0, q1\n"
      "vldrb.8 q2, [%[w]]\n"
      "add %[w], %[rest]\n"
      "vmladava.s8 r6, q0, q2\n"
      "vldrb.8 q1, [%[w]]\n"
      "add %[w], %[rest]\n"
      "vmladava.s8 r8, q0, q1\n"
      "vldrb.8 q2, [%[w]]\n"
      "add %[w], %[rest]\n"
      "vmladava.s8 r10, q0, q2\n"
      "3: vmov %q[sums][2], %q[sums][0], r4, r8\n"
      "vmov %q[sums][3], %q[sums][1], r6, r10\n"
      : [x] "+r"(x), [w] "+r"(weights), [sums] "=w"(sums)
      : [chunks] "r"(k >> 4), [rest] "r"(rest)
      : "r4", "r6", "r8", "r10", "lr", "d0", "d1", "d2", "d3", "d4", "d5", "cc", "memory");
  *w = weights;
  return sums;
}

tm_status tm_fully_connected_i8_mve(const tm_fully_connected_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y) {
  if (p == NULL || x == NULL || w == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_c < 4) {
    return TM_ERR_SHAPE;
  }
  const int32x4_t lo = vdupq_n_s32(p->clamp_lo);
  const int32x4_t hi = vdupq_n_s32(p->clamp_hi);
  for (int32_t r = 0; r < p->rows; ++r) {
    const int8_t *weights = (const int8_t *)w;
    for (int32_t m = 0; m < p->out_c; m += 4) {
      int32x4_t v = four_sums(x, &weights, p->in_c);
      const int32_t *constants = (const int32_t *)(const void *)weights;
      v = vshlq_n_s32(vaddq_s32(v, vldrwq_s32(constants)), 7);
      v = vqdmulhq_s32(v, vldrwq_s32(constants + 4));
      v = vaddq_s32(v, vldrwq_s32(constants + 8));
      v = vshlq_s32(v, vldrwq_s32(constants + 12));
      v = vminq_s32(vmaxq_s32(v, lo), hi);
      vstrbq_s32(y + tm_min_i32(m, p->out_c - 4), v);
      weights = (const int8_t *)(constants + 16);
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_i8_mve_not_built;
#endif
