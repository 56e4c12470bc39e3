/*
 * MAX_POOL_2D, int8, Armv7E-M, C >= 4. Contract: tm/max_pool_2d_dsp.h. Empty on other cores.
 *
 * Four channels of a pixel are one word: SSUB8 compares its bytes with those of another, SEL takes the greater ones.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/max_pool_2d_dsp.h"
#include "tm/pool.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

static inline uint32_t four_of(int32_t value) { return (uint32_t)(uint8_t)value * 0x01010101u; }

/* The lesser bytes of two words. */
static inline uint32_t lesser(uint32_t a, uint32_t b) {
  uint32_t y;
  __asm__("ssub8 %0, %1, %2\n sel %0, %2, %1" : "=&r"(y) : "r"(a), "r"(b));
  return y;
}

/* Maxima of channels 0..3 of n pixels at x, and of m. */
static inline uint32_t over_pixels(const int8_t *x, int32_t step, int32_t n, uint32_t m) {
  uint32_t v, t;
  for (; n > 0; --n, x += step) {
    __asm__ volatile("ldr %[v], [%[x]]\n ssub8 %[t], %[m], %[v]\n sel %[m], %[m], %[v]"
                     : [v] "=&r"(v), [t] "=&r"(t), [m] "+r"(m)
                     : [x] "r"(x)
                     : "memory");
  }
  return m;
}

tm_status tm_max_pool_2d_i8_dsp(const tm_max_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->dilation_h != 1 || p->dilation_w != 1 || p->out.c < 4) {
    return TM_ERR_SHAPE;
  }
  const uint32_t lo = four_of(p->clamp_lo);
  const uint32_t hi = four_of(p->clamp_hi);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    const tm_span ys = tm_pool_span(oy, p->stride_h, p->pad_top, p->kernel_h, p->in.h);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      int8_t *out = row + (ptrdiff_t)ox * p->out.px_stride;
      const tm_span xs = tm_pool_span(ox, p->stride_w, p->pad_left, p->kernel_w, p->in.w);
      if (ys.from >= ys.end || xs.from >= xs.end) {
        return TM_ERR_SHAPE;
      }
      for (int32_t first = 0; first < p->out.c; first += 4) {
        const int32_t c = tm_min_i32(first, p->out.c - 4);
        uint32_t m = lo;
        for (int32_t iy = ys.from; iy < ys.end; ++iy) {
          const int8_t *in = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)xs.from * p->in.px_stride + c;
          m = over_pixels(in, p->in.px_stride, xs.end - xs.from, m);
        }
        m = lesser(m, hi);
        __asm__ volatile("str %0, [%1]" : : "r"(m), "r"(out + c) : "memory"); /* unaligned, which STR permits */
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_max_pool_2d_i8_dsp_not_built;
#endif
