/*
 * RESIZE_BILINEAR, int8, Armv7E-M, C >= 4. Contract: tm/resize_dsp.h. Empty on other cores.
 *
 * Four channels are a word each of the four pixels. Neighbours of a row lie in the halves of a register: SMUAD weighs both.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/resize_dsp.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/resize_span.h"

#pragma GCC optimize("O2", "no-schedule-insns")

/* Four sums of a row: of the bytes at l and r, weighed by the low and the high half of w. */
static inline void across(const int8_t *l, const int8_t *r, uint32_t w, int32_t sum[4]) {
  uint32_t a, b, c, d;
  __asm__ volatile(
      "ldr %[b], [%[l]]\n"
      "ldr %[d], [%[r]]\n"
      "sxtb16 %[a], %[b]\n"
      "sxtb16 %[b], %[b], ror #8\n"
      "sxtb16 %[c], %[d]\n"
      "sxtb16 %[d], %[d], ror #8\n"
      "pkhbt %[s0], %[a], %[c], lsl #16\n"
      "pkhtb %[s2], %[c], %[a], asr #16\n"
      "pkhbt %[s1], %[b], %[d], lsl #16\n"
      "pkhtb %[s3], %[d], %[b], asr #16\n"
      "smuad %[s0], %[s0], %[w]\n"
      "smuad %[s1], %[s1], %[w]\n"
      "smuad %[s2], %[s2], %[w]\n"
      "smuad %[s3], %[s3], %[w]\n"
      : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [s0] "=&r"(sum[0]), [s1] "=&r"(sum[1]), [s2] "=&r"(sum[2]),
        [s3] "=&r"(sum[3])
      : [l] "r"(l), [r] "r"(r), [w] "r"(w)
      : "memory");
}

/* x / 2^20, halves away from zero: a negative one loses 1 before it is rounded with halves up. half: 2^19, which x includes. */
static inline int8_t rounded(int32_t x_and_half, int32_t sign) { return (int8_t)((x_and_half + sign) >> 20); }

/* Channels 0..3 of a pixel from those of four; down: weight of the lower two, in 1/1024. */
static __attribute__((noinline)) void weigh(const int8_t *a, const int8_t *b, const int8_t *c, const int8_t *d, int8_t *y, uint32_t w,
                                            int32_t down) {
  const int32_t up = 1024 - down;
  int32_t top[4], bottom[4];
  across(a, b, w, top);
  across(c, d, w, bottom);
#define OUT(k)                                             \
  do {                                                     \
    const int32_t sum = top[k] * up + bottom[k] * down;    \
    y[k] = rounded(sum + ((int32_t)1 << 19), sum >> 31);   \
  } while (0)
  OUT(0);
  OUT(1);
  OUT(2);
  OUT(3);
#undef OUT
}

tm_status tm_resize_bilinear_i8_dsp(const tm_resize_bilinear_i8_params *p, const int8_t *x, int8_t *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out.c < 4 || !tm_resize_bilinear_fits(p)) {
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
      const uint32_t across = ((uint32_t)sx.weight << 16) | (uint32_t)(1024 - sx.weight);
      for (int32_t from = 0; from < p->out.c; from += 4) {
        const int32_t c = tm_min_i32(from, p->out.c - 4);
        weigh(top + left + c, top + right + c, bottom + left + c, bottom + right + c, dst + c, across, sy.weight);
      }
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_resize_bilinear_i8_dsp_not_built;
#endif
