/*
 * MAX_POOL_2D, int8, Armv8.1-M with Helium. Contract: tm/pool_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pool.h"
#include "tm/pool_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>

/* The maximum of acc and n pixels, `step` bytes apart, of as many channels from x on as are left, at most 16. */
static inline int8x16_t greatest(int8x16_t acc, const int8_t *x, int32_t n, int32_t step, int32_t channels) {
  __asm__ volatile(
      "vctp.8 %[channels]\n"
      "wls lr, %[n], 2f\n"
      "1: vpst\n"
      "vldrbt.8 q0, [%[x]]\n"
      "add %[x], %[step]\n"
      "vmax.s8 %q[acc], %q[acc], q0\n"
      "le lr, 1b\n"
      "2:\n"
      : [acc] "+w"(acc), [x] "+r"(x)
      : [n] "r"(n), [step] "r"(step), [channels] "r"(channels)
      : "d0", "d1", "lr", "cc", "memory");
  return acc;
}

tm_status tm_max_pool_2d_i8_mve(const tm_max_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->dilation_h != 1 || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  const int8x16_t lo = vdupq_n_s8((int8_t)p->clamp_lo);
  const int8x16_t hi = vdupq_n_s8((int8_t)p->clamp_hi);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    const tm_span ys = tm_pool_span(oy, p->stride_h, p->pad_top, p->kernel_h, p->in.h);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *out = row + (ptrdiff_t)ox * p->out.px_stride;
      const tm_span xs = tm_pool_span(ox, p->stride_w, p->pad_left, p->kernel_w, p->in.w);
      if (ys.from >= ys.end || xs.from >= xs.end) {
        return TM_ERR_SHAPE;
      }
      for (int32_t c = 0; c < p->out.c; c += 16) {
        int8x16_t most = lo;
        for (int32_t iy = ys.from; iy < ys.end; ++iy) {
          const int8_t *in = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)xs.from * p->in.px_stride + c;
          most = greatest(most, in, xs.end - xs.from, p->in.px_stride, p->out.c - c);
        }
        vstrbq_p_s8(out + c, vminq_s8(most, hi), vctp8q((uint32_t)(p->out.c - c)));
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_max_pool_2d_i8_mve_not_built;
#endif
