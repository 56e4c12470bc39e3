/*
 * MEAN, int8, Armv8.1-M with Helium. Contract: tm/mean_mve.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/mean_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/sum_mve.h"

enum { MOST_PIXELS = 255 }; /* whose sum fits 16 bits */

/* Requantised sums. Rounding: as in add_i8_mve.c. */
static inline int32x4_t scaled(const tm_mean_i8_params *p, int32x4_t sum) {
  sum = vaddq_n_s32(sum, p->offset);
  const int32x4_t negative = vshrq_n_s32(sum, 31);
  return vrshlq_n_s32(vaddq_s32(vqrdmulhq_n_s32(sum, p->mult), negative), p->shift);
}

tm_status tm_mean_i8_mve(const tm_mean_i8_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->reduce_c != 0 || (p->out_c_stride != 1 && p->in.c != 1) || p->shift > -1 || p->shift < -31 || p->mult < 0) {
    return TM_ERR_SHAPE;
  }
  const tm_geom *g = &p->in;
  const int32_t h_step = p->reduce_h != 0 ? g->h : 1;
  const int32_t w_step = p->reduce_w != 0 ? g->w : 1;
  for (int32_t h = 0; h < g->h; h += h_step) {
    for (int32_t w = 0; w < g->w; w += w_step) {
      int8_t *out = y + (ptrdiff_t)h * p->out_h_stride + (ptrdiff_t)w * p->out_w_stride;
      for (int32_t c = 0; c < g->c; c += 8) {
        int32x4_t even = vdupq_n_s32(0);
        int32x4_t odd = vdupq_n_s32(0);
        for (int32_t row = h; row < h + h_step; ++row) {
          const int8_t *px = x + tm_row_offset(g, row) + (ptrdiff_t)w * g->px_stride + c;
          for (int32_t left = w_step; left > 0; left -= MOST_PIXELS) {
            const int32_t n = tm_min_i32(left, MOST_PIXELS);
            const int16x8_t sum = tm_sum_pixels_mve(vdupq_n_s16(0), px, n, g->px_stride, g->c - c);
            even = vaddq_s32(even, vmovlbq_s16(sum));
            odd = vaddq_s32(odd, vmovltq_s16(sum));
            px += (ptrdiff_t)n * g->px_stride;
          }
        }
        int16x8_t q = vqmovnbq_s32(vdupq_n_s16(0), scaled(p, even));
        q = vqaddq_n_s16(vqmovntq_s32(q, scaled(p, odd)), (int16_t)p->out_zero_point);
        q = vminq_s16(vmaxq_s16(q, vdupq_n_s16(INT8_MIN)), vdupq_n_s16(INT8_MAX));
        vstrbq_p_s16(out + c, q, vctp16q((uint32_t)(g->c - c)));
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_mean_i8_mve_not_built;
#endif
