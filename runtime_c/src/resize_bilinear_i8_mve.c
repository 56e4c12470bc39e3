/*
 * RESIZE_BILINEAR, int8, Armv8.1-M with Helium. Contract: tm/resize_mve.h. Empty on other cores.
 *
 * Four channels a step. Halves go away from zero: a negative sum loses 1 before it is rounded with halves up.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/resize_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/resize_span.h"

/* n channels of a pixel from those of four, whose weights add up to 2^20. */
static __attribute__((naked, noinline)) void weigh(const int8_t *a __attribute__((unused)), const int8_t *b __attribute__((unused)),
                                                   const int8_t *c __attribute__((unused)), const int8_t *d __attribute__((unused)),
                                                   int8_t *y __attribute__((unused)), int32_t n __attribute__((unused)),
                                                   int32_t wa __attribute__((unused)), int32_t wb __attribute__((unused)),
                                                   int32_t wc __attribute__((unused)), int32_t wd __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r10, lr}\n"
      "add r10, sp, #32\n"
      "ldm r10, {r4-r9}\n" /* y, n, weights */
      "wlstp.32 lr, r5, 2f\n"
      "1: vldrb.s32 q0, [r0], #4\n"
      "vldrb.s32 q1, [r1], #4\n"
      "vmul.i32 q2, q0, r6\n"
      "vldrb.s32 q0, [r2], #4\n"
      "vmla.s32 q2, q1, r7\n"
      "vldrb.s32 q1, [r3], #4\n"
      "vmla.s32 q2, q0, r8\n"
      "vmla.s32 q2, q1, r9\n"
      "vshr.s32 q0, q2, #31\n"
      "vadd.i32 q2, q2, q0\n"
      "vrshr.s32 q2, q2, #20\n"
      "vstrb.32 q2, [r4], #4\n"
      "letp lr, 1b\n"
      "2: pop {r4-r10, pc}\n");
}

tm_status tm_resize_bilinear_i8_mve(const tm_resize_bilinear_i8_params *p, const int8_t *x, int8_t *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_bilinear_fits(p)) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const tm_span sy = tm_span_at(p->out_y0 + oy, p->scale_y, p->offset_y, p->layer_h);
    const int8_t *top = x + tm_row_offset(&p->in, sy.first - p->in_y0);
    const int8_t *bottom = x + tm_row_offset(&p->in, sy.last - p->in_y0);
    int8_t *dst = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const tm_span sx = tm_span_at(p->out_x0 + ox, p->scale_x, p->offset_x, p->layer_w);
      const ptrdiff_t left = (ptrdiff_t)(sx.first - p->in_x0) * p->in.px_stride;
      const ptrdiff_t right = (ptrdiff_t)(sx.last - p->in_x0) * p->in.px_stride;
      /* the four weights add up to 2^20 */
      const int32_t w11 = sy.weight * sx.weight;
      const int32_t w10 = sy.weight * 1024 - w11;
      const int32_t w01 = sx.weight * 1024 - w11;
      const int32_t w00 = ((int32_t)1 << 20) - w01 - w10 - w11;
      weigh(top + left, top + right, bottom + left, bottom + right, dst, p->out.c, w00, w01, w10, w11);
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_resize_bilinear_i8_mve_not_built;
#endif
