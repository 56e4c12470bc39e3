/*
 * CONV_2D, int8, Armv7E-M, weights of 16 bits. Contract: tm/conv_2d_wide.h. Empty on other cores.
 *
 * The inner loop is in tm/wide_job_dsp.h; here the windows of two neighbouring pixels are widened for it.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_wide.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/wide_job_dsp.h"
#include "tm/widen_rows_dsp.h"

/* n bytes of padding, widened as tm_widen_one does. */
static uint32_t *widen_pad(uint32_t *dst, int32_t pad, int32_t n) {
  const uint32_t half = (uint32_t)pad & 0xffffu;
  const uint32_t word = half << 16 | half;
  for (; n > 0; n -= 2) {
    *dst = word;
    dst += 2;
  }
  return dst;
}

/* One pixel's window, which begins at input row iy0 and column ix0, to every other word from dst on. */
static __attribute__((noinline)) void widen_window(const tm_conv_2d_i8_wide_params *p, const int8_t *x, uint32_t *dst, int32_t iy0,
                                                   int32_t ix0) {
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    const int8_t *row = row_inside ? x + tm_row_offset(&p->in, iy) : x;
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (row_inside && ix >= 0 && ix < p->in.w) {
        dst = tm_widen_one(dst, row + (ptrdiff_t)ix * p->in.px_stride, p->in.c);
      } else {
        dst = widen_pad(dst, p->pad_value, p->in.c);
      }
    }
  }
}

/* Two pixels' windows of kernel_h runs of `run` bytes, all inside, whose first ones begin at x0 and x1. */
static void widen_rows(const tm_conv_2d_i8_wide_params *p, const int8_t *x0, const int8_t *x1, uint32_t *dst, int32_t run) {
  const ptrdiff_t down = (ptrdiff_t)p->dilation_h * p->in.row_stride;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky, x0 += down, x1 += down) {
    dst = tm_widen_twos(dst, x0, x1, run);
  }
}

typedef uint32_t (*wide_loop)(const wide_job *job, int32_t groups);

/* All channels of one pixel or of two. */
typedef struct walk {
  wide_job one, two;
  wide_loop run_one, run_two;
  const int32_t *w, *last; /* stream, and its part for the last pair where CO is odd */
  int32_t co;
} walk;

static void channels(walk *at, int8_t *y, int two) {
  wide_job *job = two ? &at->two : &at->one;
  const wide_loop run = two ? at->run_two : at->run_one;
  const int32_t even = at->co & ~1;
  job->w = at->w;
  job->y = y;
  job->y_end = y + even;
  (void)run(job, 0);
  if (even != at->co) {
    job->w = at->last;
    job->y = y + at->co - 2;
    job->y_end = y + at->co;
    (void)run(job, 0);
  }
}

/* Two by two, n > 0 pairs of neighbouring pixels' 1x1 windows of ci inputs, `step` bytes apart, and an even number of channels. */
static __attribute__((noinline)) void neighbours(wide_job *job, wide_loop run, const int8_t *x, int8_t *y, int32_t n, ptrdiff_t step, int32_t ci,
                                                 int32_t co) {
  const int8_t *const end = y + n * job->apart * 2;
  do {
    (void)tm_widen_twos((uint32_t *)(uintptr_t)job->x, x, x + step, ci);
    job->y = y;
    job->y_end = y + co;
    (void)run(job, 0);
    x += step * 2;
    y += job->apart * 2;
  } while (y != end);
}

/* 1x1 windows in a row of n pixels, all inside. */
static void pointwise(const tm_conv_2d_i8_wide_params *p, const int8_t *x, int8_t *y, int32_t n, walk *at, uint32_t *wide) {
  const ptrdiff_t step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const int32_t ci = p->in.c;
  if ((at->co & 1) == 0 && n > 1) {
    at->two.w = at->w;
    neighbours(&at->two, at->run_two, x, y, n / 2, step, ci, at->co);
    x += (n & ~1) * step;
    y += (n & ~1) * p->out.px_stride;
    n &= 1;
  }
  for (; n > 1; n -= 2, x += 2 * step, y += 2 * p->out.px_stride) {
    (void)tm_widen_twos(wide, x, x + step, ci);
    channels(at, y, 1);
  }
  if (n > 0) {
    (void)tm_widen_one(wide, x, ci);
    channels(at, y, 0);
  }
}

tm_status tm_conv_2d_i8_wide_dsp(const tm_conv_2d_i8_wide_params *p, const int8_t *x, const int32_t *w, int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  const int32_t groups = p->kernel_h * run / 4; /* of four inputs */
  if (p->out.c < 2 || ci % 4 != 0 || groups < 2) {
    return TM_ERR_SHAPE;
  }
  uint32_t *wide = (uint32_t *)scratch;
  const wide_loop run_one = p->form == 0 ? tm_wide_one_fixed : p->form == 1 ? tm_wide_one_any_sign : tm_wide_one_one_sign;
  const wide_loop run_two = p->form == 0 ? tm_wide_two_fixed : p->form == 1 ? tm_wide_two_any_sign : tm_wide_two_one_sign;
  walk at = {{wide, w, y, 0, wide, NULL, wide + 4 * groups, run_one(NULL, groups)},
             {wide, w, y, p->out.px_stride, wide, NULL, wide + 4 * groups - 32, run_two(NULL, groups)},
             run_one,
             run_two,
             w,
             w + (ptrdiff_t)(p->out.c / 2) * (8 + 4 * groups),
             p->out.c};
  const int32_t iy_last = (p->out.h - 1) * p->stride_h - p->pad_top;
  const int32_t ix_last = (p->out.w - 1) * p->stride_w - p->pad_left;
  if (p->kernel_h == 1 && p->kernel_w == 1 && p->pad_top <= 0 && p->pad_left <= 0 && iy_last < p->in.h && ix_last < p->in.w) {
    const ptrdiff_t x_row = (ptrdiff_t)p->stride_h * p->in.row_stride;
    /* rows that follow each other are one */
    const int joined = p->in.ring == 0 && p->out.ring == 0 && x_row == (ptrdiff_t)p->out.w * p->stride_w * p->in.px_stride &&
                       p->out.row_stride == p->out.w * p->out.px_stride;
    const int32_t rows = joined ? tm_min_i32(p->out.h, 1) : p->out.h;
    const int32_t n = joined ? p->out.h * p->out.w : p->out.w;
    for (int32_t oy = 0; oy < rows; ++oy) {
      const int8_t *from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) - (ptrdiff_t)p->pad_left * p->in.px_stride;
      pointwise(p, from, y + tm_row_offset(&p->out, oy), n, &at, wide);
    }
    return TM_OK;
  }
  const int runs = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == ci);
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int32_t iy = oy * p->stride_h - p->pad_top;
    const int32_t iy_end = iy + (p->kernel_h - 1) * p->dilation_h;
    const int8_t *row = NULL; /* where the window's rows are inside and follow each other without a ring's seam */
    if (runs && iy >= 0 && iy_end < p->in.h && tm_row(&p->in, iy_end) - tm_row(&p->in, iy) == iy_end - iy) {
      row = x + tm_row_offset(&p->in, iy);
    }
    int8_t *out = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ox += 2, out += 2 * p->out.px_stride) {
      const int two = ox + 1 < p->out.w;
      const int32_t ix = ox * p->stride_w - p->pad_left;
      const int32_t next = ix + p->stride_w;
      if (two && row != NULL && ix >= 0 && next + p->kernel_w <= p->in.w) {
        widen_rows(p, row + (ptrdiff_t)ix * p->in.px_stride, row + (ptrdiff_t)next * p->in.px_stride, wide, run);
      } else {
        widen_window(p, x, wide, iy, ix);
        if (two) {
          widen_window(p, x, wide + 1, iy, next);
        }
      }
      channels(&at, out, two);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_wide_dsp_not_built;
#endif
