/*
 * DEPTHWISE_CONV_2D, int8, Armv7E-M, any window. Contract: tm/depthwise_conv_2d_taps.h. Empty on other cores.
 *
 * Four channels of two taps are two words. PKHBT and PKHTB pair the taps, SXTB16 widens, one SMLAD a channel sums both taps:
 * 14 instructions for 8 products, with nothing transposed or kept. Taps are found through a list of offsets from the
 * window's first pixel, which changes with the row and at the borders only; taps outside lead to a pixel
 * of padding.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_taps.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/tap_job_dsp.h"

/* Forms of requantisation; one that no layer of a network needs is left out of its firmware (-D...=0). */
#ifndef TM_TAPS_ONE_SIGN
#define TM_TAPS_ONE_SIGN 1
#endif
#ifndef TM_TAPS_ANY_SIGN
#define TM_TAPS_ANY_SIGN 1
#endif

/* What the assembly below reads, in this order. */
typedef struct tap_job {
  const int32_t *taps;     /* offsets from x */
  const int32_t *w;        /* stream, at the first group to compute */
  const int8_t *x;         /* the window's first pixel, at the first channel to compute; on the first call the number of taps */
  int8_t *y;               /* output pixel, at the first channel to compute */
  const int8_t *y_end;
  const int32_t *taps_end; /* even number of taps */
  uint32_t entry;          /* into the unrolled loop */
  uint32_t main;           /* where the loop leads to: to the last tap of an odd number, or to the outputs */
} tap_job;

/* The outputs of a group. */
#define OUTPUTS(OUTPUT)                                     \
  "ldr r0, [sp, #12]\n"                                     \
  "ldm r1!, {r7-r12}\n"                                     \
  OUTPUT("r3", "r7", "r8", "r9") "strb r3, [r0], #1\n"      \
  OUTPUT("r4", "r10", "r11", "r12") "strb r4, [r0], #1\n"   \
  "ldm r1!, {r7-r12}\n"                                     \
  OUTPUT("r5", "r7", "r8", "r9") "strb r5, [r0], #1\n"      \
  OUTPUT("r6", "r10", "r11", "r12") "strb r6, [r0], #1\n"   \
  "ldr r3, [sp, #16]\n"                                     \
  "str r0, [sp, #12]\n"                                     \
  "add r2, r2, #4\n"                                        \
  "cmp r0, r3\n"                                            \
  "ldr r0, [sp]\n"

#if TM_TAPS_ONE_SIGN
TM_TAPS(tm_taps_one_sign, "r0-r7", OUTPUTS(TM_TAP_ONE_SIGN))
#else
#define tm_taps_one_sign NULL
#endif
#if TM_TAPS_ANY_SIGN
TM_TAPS(tm_taps_any_sign, "r0-r7", OUTPUTS(TM_TAP_ANY_SIGN))
#else
#define tm_taps_any_sign NULL
#endif

/* Offsets of the taps from the pixel x that the window begins with; those outside lead to pad. */
static void list_taps(const tm_depthwise_conv_2d_i8_taps_params *p, const int8_t *input, const int8_t *x, const int8_t *pad, int32_t iy0,
                      int32_t ix0, int32_t *taps) {
  const int32_t outside = (int32_t)((uintptr_t)pad - (uintptr_t)x);
  const int32_t step = p->dilation_w * p->in.px_stride;
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    const ptrdiff_t row = row_inside ? tm_row_offset(&p->in, iy) : 0;
    int32_t offset = (int32_t)((uintptr_t)input - (uintptr_t)x) + (int32_t)row + ix0 * p->in.px_stride;
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      *taps++ = row_inside && ix >= 0 && ix < p->in.w ? offset : outside;
      offset += step;
    }
  }
}

tm_status tm_depthwise_conv_2d_i8_taps_dsp(const tm_depthwise_conv_2d_i8_taps_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c < 4 || p->in.c != p->out.c) {
    return TM_ERR_SHAPE;
  }
  const int32_t n = p->kernel_h * p->kernel_w;
  const int32_t c = p->in.c;
  int32_t *taps = (int32_t *)scratch;
  int8_t *pad = (int8_t *)(taps + n);
  for (int32_t k = 0; k < c; ++k) {
    pad[k] = (int8_t)p->pad_value;
  }
  void (*const groups)(tap_job *) = p->any_sign != 0 ? tm_taps_any_sign : tm_taps_one_sign;
  if (groups == NULL) {
    return TM_ERR_SHAPE;
  }
  tap_job job = {taps, w, (const int8_t *)(uintptr_t)n, y, y, taps + (n & ~1), 0, 0};
  groups(&job);
  const int32_t fours = c & ~3;
  const int32_t *last = w + (ptrdiff_t)(fours / 4) * (16 + 4 * (n / 2) + 2 * (n % 2));
  const int32_t advance = p->stride_w * p->in.px_stride;
  const int32_t extent = (p->kernel_w - 1) * p->dilation_w;
  for (int32_t oy = 0, iy = -p->pad_top; oy < p->out.h; ++oy, iy += p->stride_h) {
    int8_t *out = y + tm_row_offset(&p->out, oy);
    /* the list is the same for neighbours whose taps are all inside */
    const int rows_inside = iy >= 0 && iy + (p->kernel_h - 1) * p->dilation_h < p->in.h;
    int listed = 0;
    const int8_t *at = x - (ptrdiff_t)p->pad_left * p->in.px_stride;
    for (int32_t ox = 0, ix = -p->pad_left; ox < p->out.w; ++ox, ix += p->stride_w) {
      const int inside = rows_inside && ix >= 0 && ix + extent < p->in.w;
      if (!inside || !listed) {
        list_taps(p, x, at, pad, iy, ix, taps);
        listed = inside;
      }
      job.w = w;
      job.x = at;
      job.y = out;
      job.y_end = out + fours;
      groups(&job);
      if (fours != c) {
        job.w = last;
        job.x = at + (c - 4);
        job.y = out + (c - 4);
        job.y_end = out + c;
        groups(&job);
      }
      out += p->out.px_stride;
      at += advance;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_taps_dsp_not_built;
#endif
