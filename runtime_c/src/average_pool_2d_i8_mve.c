/*
 * AVERAGE_POOL_2D, int8, Armv8.1-M with Helium. Contract: tm/pool_mve.h. Empty on other cores.
 *
 * Division by the number of pixels n > 1 is a multiplication by m = ceil(2^32 / n): floor(v * m / 2^32) == floor(v / n) while
 * v * (m * n - 2^32) < 2^32, and here v < 2^16, m * n - 2^32 < n < 2^8.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/pool.h"
#include "tm/pool_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/sum_mve.h"

/* sum / count, halves away from zero, where reciprocal is m. */
static inline int32x4_t divided(int32x4_t sum, int32_t half, uint32x4_t reciprocal) {
  const int32x4_t sign = vshrq_n_s32(sum, 31);
  const int32x4_t size = vaddq_n_s32(vabsq_s32(sum), half);
  const int32x4_t mean = vreinterpretq_s32_u32(vmulhq_u32(vreinterpretq_u32_s32(size), reciprocal));
  return vsubq_s32(veorq_s32(mean, sign), sign);
}

tm_status tm_average_pool_2d_i8_mve(const tm_average_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->dilation_h != 1 || p->dilation_w != 1 || p->kernel_h * p->kernel_w > 255) {
    return TM_ERR_SHAPE;
  }
  const int16x8_t lo = vdupq_n_s16((int16_t)p->clamp_lo);
  const int16x8_t hi = vdupq_n_s16((int16_t)p->clamp_hi);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    const tm_span ys = tm_pool_span(oy, p->stride_h, p->pad_top, p->kernel_h, p->in.h);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *out = row + (ptrdiff_t)ox * p->out.px_stride;
      const tm_span xs = tm_pool_span(ox, p->stride_w, p->pad_left, p->kernel_w, p->in.w);
      if (ys.from >= ys.end || xs.from >= xs.end) {
        return TM_ERR_SHAPE;
      }
      const int32_t count = (ys.end - ys.from) * (xs.end - xs.from);
      const uint32x4_t reciprocal = vdupq_n_u32(UINT32_MAX / (uint32_t)count + 1u);
      for (int32_t c = 0; c < p->out.c; c += 8) {
        int16x8_t sum = vdupq_n_s16(0);
        for (int32_t iy = ys.from; iy < ys.end; ++iy) {
          const int8_t *in = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)xs.from * p->in.px_stride + c;
          sum = tm_sum_pixels_mve(sum, in, xs.end - xs.from, p->in.px_stride, p->out.c - c);
        }
        if (count > 1) {
          const int32x4_t even = divided(vmovlbq_s16(sum), count / 2, reciprocal);
          const int32x4_t odd = divided(vmovltq_s16(sum), count / 2, reciprocal);
          sum = vmovntq_s32(vmovnbq_s32(sum, even), odd);
        }
        sum = vminq_s16(vmaxq_s16(sum, lo), hi);
        vstrbq_p_s16(out + c, sum, vctp16q((uint32_t)(p->out.c - c)));
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_average_pool_2d_i8_mve_not_built;
#endif
