/*
 * DEPTHWISE_CONV_2D and the 1x1 CONV_2D behind it, int8, Armv7E-M. Contract: tm/separable_conv_2d.h. Empty on other cores.
 *
 * The depthwise outputs of two or three pixels are left as the 16-bit pairs that the pointwise loop multiplies: nothing is stored as
 * bytes and widened again. Taps are found as in depthwise_conv_2d_i8_taps_dsp.c, through a list of offsets from the window's first
 * pixel; taps outside lead to a pixel of padding.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/separable_conv_2d.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_job_dsp.h"
#include "tm/tap_job_dsp.h"
#include "tm/triple_job_dsp.h"

/* Forms of requantisation of the depthwise outputs; one that no layer of a network needs is left out of its firmware (-D...=0). */
#ifndef TM_WIDE_TAPS_ONE_SIGN
#define TM_WIDE_TAPS_ONE_SIGN 1
#endif
#ifndef TM_WIDE_TAPS_ANY_SIGN
#define TM_WIDE_TAPS_ANY_SIGN 1
#endif

/* What the assembly below reads, in this order. */
typedef struct tap_job {
  const int32_t *taps; /* offsets from x */
  const int32_t *w;    /* stream */
  const int8_t *x;     /* the window's first pixel; on the first call the number of taps */
  uint32_t *wide;      /* the pixel's widened outputs: channels 0 and 2 of a group of four, `apart` bytes later 1 and 3 */
  const uint32_t *wide_end;
  const int32_t *taps_end; /* even number of taps */
  uint32_t entry;          /* into the unrolled loop */
  uint32_t main;           /* where the loop leads to: to the last tap of an odd number, or to the outputs */
  uint32_t apart;          /* 4 bytes for each pixel computed together */
} tap_job;

/* The outputs of a group. */
#define OUTPUTS(OUTPUT)                                              \
  "ldm r1!, {r7-r12}\n"                                              \
  OUTPUT("r3", "r7", "r8", "r9") OUTPUT("r4", "r10", "r11", "r12")   \
  "ldm r1!, {r7-r12}\n"                                              \
  OUTPUT("r5", "r7", "r8", "r9") OUTPUT("r6", "r10", "r11", "r12")   \
  "ldr r7, [sp, #32]\n"                                              \
  "ldrd r0, r8, [sp, #12]\n"                                         \
  "pkhbt r3, r3, r5, lsl #16\n"                                      \
  "pkhbt r4, r4, r6, lsl #16\n"                                      \
  "str r3, [r0]\n"                                                   \
  "str r4, [r0, r7]\n"                                               \
  "add r0, r0, r7, lsl #1\n"                                         \
  "adds r2, #4\n"                                                    \
  "str r0, [sp, #12]\n"                                              \
  "cmp r0, r8\n"                                                     \
  "ldr r0, [sp]\n"

#if TM_WIDE_TAPS_ONE_SIGN
TM_TAPS(tm_wide_taps_one_sign, "r0-r8", TM_TAP_BIASES, TM_TWO_TAPS, TM_LAST_TAP, OUTPUTS(TM_TAP_ONE_SIGN))
#else
#define tm_wide_taps_one_sign NULL
#endif
#if TM_WIDE_TAPS_ANY_SIGN
TM_TAPS(tm_wide_taps_any_sign, "r0-r8", TM_TAP_BIASES, TM_TWO_TAPS, TM_LAST_TAP, OUTPUTS(TM_TAP_ANY_SIGN))
#else
#define tm_wide_taps_any_sign NULL
#endif

/*
 * Offsets of the taps from the pixel x that the window at (iy0, ix0) begins with; those outside lead to padding. Taps inside have
 * the same offsets for all pixels of a row, so that neighbours differ in columns [left, right) of the window alone.
 */
static void list_taps(const tm_separable_conv_2d_i8_params *p, const int8_t *input, const int8_t *x, int32_t iy0, int32_t ix0,
                      int32_t left, int32_t right, int32_t *taps) {
  const int32_t outside = (int32_t)((uintptr_t)p->pad - (uintptr_t)x);
  const int32_t step = p->dilation_w * p->in.px_stride;
  const int32_t begin = (int32_t)((uintptr_t)input - (uintptr_t)x) + ix0 * p->in.px_stride + left * step;
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    int32_t offset = begin + (row_inside ? (int32_t)tm_row_offset(&p->in, iy) : 0);
    for (int32_t kx = left, ix = ix0 + left * p->dilation_w; kx < right; ++kx, ix += p->dilation_w) {
      taps[kx] = row_inside && ix >= 0 && ix < p->in.w ? offset : outside;
      offset += step;
    }
    taps += p->kernel_w;
  }
}

tm_status tm_separable_conv_2d_i8_dsp(const tm_separable_conv_2d_i8_params *p, const int8_t *x, const int32_t *v, const int32_t *w,
                                      int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || v == NULL || w == NULL || y == NULL || scratch == NULL || p->pad == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t n = p->kernel_h * p->kernel_w;
  const int32_t c = p->in.c;
  const int32_t co = p->out.c;
  if (c < 8 || c % 4 != 0 || co < 2 || n > TM_SEPARABLE_TAPS) {
    return TM_ERR_SHAPE;
  }
  int32_t taps[TM_SEPARABLE_TAPS];
  uint32_t *wide = (uint32_t *)scratch;
  const int32_t groups = c / 4;
  const int32_t even = co & ~1;
  const int32_t *q = w; /* records, behind which the words begin */
  w += (co + 1) / 2 * TM_PAIR_RECORD;
  void (*const depthwise)(tap_job *) = p->inner_any_sign != 0 ? tm_wide_taps_any_sign : tm_wide_taps_one_sign;
  const tm_pair_loop pairs = tm_pairs_loop(p->any_sign);
  const tm_triple_loop triples = tm_triples_loop(p->any_sign);
  if (depthwise == NULL || pairs == NULL || (p->together == 3 && triples == NULL)) {
    return TM_ERR_SHAPE;
  }
  tap_job tap = {taps, v, (const int8_t *)(uintptr_t)n, wide, wide, taps + (n & ~1), 0, 0, 0};
  tm_pair_job two = {w, q, y, groups - 2, wide, NULL, wide + 4 * groups, 0, 0};
  tm_triple_job three = {wide, w, y, groups, NULL, q, 0, wide + 6 * groups};
  depthwise(&tap);
  pairs(&two);
  if (triples != NULL) {
    triples(&three);
  }
  const int32_t advance = p->stride_w * p->in.px_stride;
  const int8_t *at = x; /* the window's first pixel */
  int8_t *out = y;
  int32_t oy = 0, ox = 0, iy = 0, ix = 0, listed_l = 0, listed_r = 0;
  int dense = 0;
  for (int32_t left = p->out.h * p->out.w; left > 0;) {
    const int32_t together = TM_TRIPLES && p->together == 3 && p->out.w - ox == 3 ? 3 : 2;
    const int32_t pixels = tm_min_i32(together, left);
    int8_t *to[3] = {y, y, y};
    tap.apart = (uint32_t)together * 4u;
    for (int32_t k = 0; k < pixels; ++k) {
      if (ox == 0) {
        iy = oy * p->stride_h - p->pad_top;
        ix = -p->pad_left;
        at = x - (ptrdiff_t)p->pad_left * p->in.px_stride;
        out = y + tm_row_offset(&p->out, oy);
        /* where padding is among the rows, or among columns that are apart, the whole list changes from pixel to pixel */
        dense = p->dilation_w == 1 && iy >= 0 && iy + (p->kernel_h - 1) * p->dilation_h < p->in.h;
        listed_l = p->kernel_w;
        listed_r = p->kernel_w;
      }
      /* columns of the window that are outside for this pixel, [0, l) and [r, kernel_w), or were for the one before */
      const int32_t l = dense ? tm_clamp_i32(-ix, 0, p->kernel_w) : p->kernel_w;
      const int32_t r = dense ? tm_clamp_i32(p->in.w - ix, 0, p->kernel_w) : p->kernel_w;
      listed_l = tm_max_i32(listed_l, l);
      listed_r = tm_min_i32(listed_r, r);
      if (listed_l > 0) {
        list_taps(p, x, at, iy, ix, 0, listed_l, taps);
      }
      if (listed_r < p->kernel_w) {
        list_taps(p, x, at, iy, ix, listed_r, p->kernel_w, taps);
      }
      listed_l = l;
      listed_r = r;
      tap.x = at;
      tap.wide = wide + k;
      tap.wide_end = wide + k + 2 * together * groups;
      depthwise(&tap);
      to[k] = out;
      ix += p->stride_w;
      at += advance;
      out += p->out.px_stride;
      if (++ox == p->out.w) {
        ox = 0;
        ++oy;
      }
    }
    left -= pixels;
    for (int32_t rest = 0; rest <= co - even; ++rest) {
      /* where CO is odd, the last two channels are a pair of their own */
      const int32_t first = rest == 0 ? 0 : co - 2;
      const int32_t *from = rest == 0 ? w : w + (ptrdiff_t)even * groups;
      const int32_t *record = rest == 0 ? q : q + 4 * even;
      int8_t *end = to[0] + (rest == 0 ? even : co);
      if (together == 3) {
        three.w = from;
        three.q = record;
        three.y = to[0] + first;
        three.q_end = rest == 0 ? q + 4 * even : record + TM_PAIR_RECORD;
        three.apart = p->out.px_stride;
        triples(&three);
      } else {
        two.w = from;
        two.q = record;
        two.y = to[0] + first;
        two.y_end = end;
        two.apart = pixels == 2 ? to[1] - to[0] : 0; /* no second pixel: the first one's outputs are written over its */
        pairs(&two);
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_separable_conv_2d_i8_dsp_not_built;
#endif
