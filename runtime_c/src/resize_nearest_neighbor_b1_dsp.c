/*
 * RESIZE_NEAREST_NEIGHBOR, 1-byte elements, Armv7E-M. Contract: tm/resize_dsp.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/resize_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

static inline void copy_bytes(int8_t *dst, const int8_t *src, int32_t n) {
  uint32_t a, b;
  for (; n >= 8; n -= 8) { /* unaligned words, which LDR and STR permit */
    __asm__ volatile("ldr %0, [%2], #4\n ldr %1, [%2], #4\n str %0, [%3], #4\n str %1, [%3], #4"
                     : "=&r"(a), "=&r"(b), "+r"(src), "+r"(dst)
                     :
                     : "memory");
  }
  if (n >= 4) {
    __asm__ volatile("ldr %0, [%1], #4\n str %0, [%2], #4" : "=&r"(a), "+r"(src), "+r"(dst) : : "memory");
    n -= 4;
  }
  for (; n > 0; --n) {
    *dst++ = *src++;
  }
}

tm_status tm_resize_nearest_neighbor_b1_dsp(const tm_resize_nearest_neighbor_params *p, const void *x, void *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_nearest_neighbor_fits(p)) {
    return TM_ERR_SHAPE;
  }
  const int16_t *rows = p->rows + p->out_y0;
  const int16_t *cols = p->cols + p->out_x0;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int8_t *row = (const int8_t *)x + tm_row_offset(&p->in, rows[oy] - p->in_y0);
    int8_t *dst = (int8_t *)y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const int8_t *src = row + (ptrdiff_t)(cols[ox] - p->in_x0) * p->in.px_stride;
      copy_bytes(dst, src, p->out.c);
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_resize_nearest_neighbor_b1_dsp_not_built;
#endif
