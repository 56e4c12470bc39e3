/*
 * AVERAGE_POOL_2D, int8, Armv7E-M, C >= 4, windows of at most 255 pixels. Contract: tm/average_pool_2d.h. Empty on other cores.
 *
 * Four channels of a pixel are one word; SXTAB16 adds two of them to 16-bit sums, which hold 255 values of int8.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/average_pool_2d.h"
#include "tm/pool.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* Adds n pixels of channels 0..3 at x: even[] is channels 0 and 2, odd[] 1 and 3. */
static inline void add_pixels(const int8_t *x, int32_t step, int32_t n, uint32_t *even, uint32_t *odd) {
  uint32_t v, u, e = *even, o = *odd;
  for (; n >= 4; n -= 4) {
    __asm__ volatile(
        "ldr %[v], [%[x]]\n"
        "ldr %[u], [%[x], %[s]]\n"
        "add %[x], %[x], %[s], lsl #1\n"
        "sxtab16 %[e], %[e], %[v]\n"
        "sxtab16 %[o], %[o], %[v], ror #8\n"
        "sxtab16 %[e], %[e], %[u]\n"
        "sxtab16 %[o], %[o], %[u], ror #8\n"
        "ldr %[v], [%[x]]\n"
        "ldr %[u], [%[x], %[s]]\n"
        "add %[x], %[x], %[s], lsl #1\n"
        "sxtab16 %[e], %[e], %[v]\n"
        "sxtab16 %[o], %[o], %[v], ror #8\n"
        "sxtab16 %[e], %[e], %[u]\n"
        "sxtab16 %[o], %[o], %[u], ror #8\n"
        : [v] "=&r"(v), [u] "=&r"(u), [e] "+r"(e), [o] "+r"(o), [x] "+r"(x)
        : [s] "r"(step)
        : "memory");
  }
  for (; n > 0; --n) {
    __asm__ volatile(
        "ldr %[v], [%[x]]\n"
        "sxtab16 %[e], %[e], %[v]\n"
        "sxtab16 %[o], %[o], %[v], ror #8\n"
        : [v] "=&r"(v), [e] "+r"(e), [o] "+r"(o)
        : [x] "r"(x)
        : "memory");
    x += step;
  }
  *even = e;
  *odd = o;
}

static inline int8_t mean(const tm_average_pool_2d_i8_params *p, int32_t sum, int32_t count, int32_t half) {
  /* C's division truncates, so half the count is added away from zero */
  return (int8_t)tm_clamp_i32((sum + (sum > 0 ? half : -half)) / count, p->clamp_lo, p->clamp_hi);
}

tm_status tm_average_pool_2d_i8_dsp(const tm_average_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->dilation_h != 1 || p->dilation_w != 1 || p->out.c < 4 || p->kernel_h * p->kernel_w > 255) {
    return TM_ERR_SHAPE;
  }
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
      const int32_t half = count / 2;
      /* whole rows right behind each other are one */
      const int32_t rows = p->in.ring == 0 && p->in.row_stride == (xs.end - xs.from) * p->in.px_stride ? ys.end - ys.from : 1;
      for (int32_t first = 0; first < p->out.c; first += 4) {
        const int32_t c = tm_min_i32(first, p->out.c - 4);
        uint32_t even = 0;
        uint32_t odd = 0;
        for (int32_t iy = ys.from; iy < ys.end; iy += rows) {
          const int8_t *in = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)xs.from * p->in.px_stride + c;
          add_pixels(in, p->in.px_stride, rows * (xs.end - xs.from), &even, &odd);
        }
        out[c] = mean(p, (int16_t)(even & 0xffffu), count, half);
        out[c + 1] = mean(p, (int16_t)(odd & 0xffffu), count, half);
        out[c + 2] = mean(p, (int32_t)even >> 16, count, half);
        out[c + 3] = mean(p, (int32_t)odd >> 16, count, half);
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_average_pool_2d_i8_dsp_not_built;
#endif
