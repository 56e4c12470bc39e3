/*
 * CONV_2D, int8, Armv7E-M, packed pairs of output channels. Contract: tm/conv_2d_pairs.h. Empty on other cores.
 *
 * The inner loop is in tm/pair_job_dsp.h; here pixels are found, widened and handed to it two by two.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_pairs.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_job_dsp.h"
#include "tm/widen_dsp.h"

static int8_t *fill_bytes(int8_t *dst, int8_t value, int32_t n) {
  for (; n > 0; --n) {
    *dst++ = value;
  }
  return dst;
}

static int8_t *copy_bytes(int8_t *dst, const int8_t *src, int32_t n) {
  uint32_t v;
  for (; n >= 4; n -= 4) {
    /* unaligned words, which LDR and STR permit */
    __asm__ volatile("ldr %0, [%1], #4\n str %0, [%2], #4" : "=&r"(v), "+r"(src), "+r"(dst) : : "memory");
  }
  for (; n > 0; --n) {
    *dst++ = *src++;
  }
  return dst;
}

/* The window's bytes at input row iy0 and column ix0, kernel_h rows of kernel_w pixels, padding included. */
static void gather(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  const int8_t pad = (int8_t)p->pad_value;
  /* columns [left, right) of a row are inside and neighbours */
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = fill_bytes(dst, pad, run);
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      dst = fill_bytes(dst, pad, left * ci);
      dst = copy_bytes(dst, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      dst = fill_bytes(dst, pad, (p->kernel_w - right) * ci);
      continue;
    }
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      const int inside = ix >= 0 && ix < p->in.w;
      dst = inside ? copy_bytes(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci) : fill_bytes(dst, pad, ci);
    }
  }
}

/* n bytes of padding, widened. */
static uint32_t *widen_pad(uint32_t *dst, int32_t pad, int32_t n) {
  const uint32_t half = (uint32_t)pad & 0xffffu;
  const uint32_t word = half << 16 | half;
  for (; n > 0; n -= 2) {
    *dst = word;
    dst += 2;
  }
  return dst;
}

/* One pixel's widened inputs where runs of a multiple of four bytes can be widened in place. */
static void widen_window(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, uint32_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = widen_pad(dst, p->pad_value, p->kernel_w * ci);
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      dst = widen_pad(dst, p->pad_value, left * ci);
      dst = tm_widen_one(dst, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      dst = widen_pad(dst, p->pad_value, (p->kernel_w - right) * ci);
      continue;
    }
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (ix >= 0 && ix < p->in.w) {
        dst = tm_widen_one(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci);
      } else {
        dst = widen_pad(dst, p->pad_value, ci);
      }
    }
  }
}

/*
 * Two pixels' widened inputs from `rows` runs of `run` bytes: fours of each run first, what is left of all runs behind them.
 * x0, x1: the pixels' first runs; step0, step1: from one run to the next; rest: room for twice what is left, in fours.
 */
static __attribute__((noinline)) void widen_rows(uint32_t *dst, const int8_t *x0, const int8_t *x1, ptrdiff_t step0,
                                                 ptrdiff_t step1, int32_t rows, int32_t run, int8_t *rest) {
  const int32_t fours = run & ~3;
  const int32_t rest_bytes = (rows * (run & 3) + 3) & ~3;
  int8_t *at = rest;
  for (; rows > 0; --rows) {
    dst = tm_widen_two(dst, x0, x1, fours);
    for (int32_t k = fours; k < run; ++k) {
      at[rest_bytes] = x1[k];
      *at++ = x0[k];
    }
    x0 += step0;
    x1 += step1;
  }
  if (rest_bytes != 0) {
    (void)tm_widen_two(dst, rest, rest + rest_bytes, rest_bytes);
  }
}

/* The same of three runs of nine bytes: the first layer of most networks, 3x3 on an image of three channels. */
static __attribute__((noinline)) void widen_rgb(uint32_t *dst, const int8_t *x0, const int8_t *x1, ptrdiff_t step0, ptrdiff_t step1) {
  int32_t a, b, c, d, e, f;
/* eight bytes; the ninth stays in a register */
#define TM_ROW(KEEP0, KEEP1)                                \
  __asm__ volatile(                                         \
      "ldr %[k0], [%[x0]]\n"                                \
      "ldr %[k1], [%[x1]]\n"                                \
      "sxtb16 r5, %[k0]\n"                                  \
      "sxtb16 r6, %[k1]\n"                                  \
      "sxtb16 %[k0], %[k0], ror #8\n"                       \
      "sxtb16 %[k1], %[k1], ror #8\n"                       \
      "strd r5, r6, [%[d]], #8\n"                           \
      "strd %[k0], %[k1], [%[d]], #8\n"                     \
      "ldr %[k0], [%[x0], #4]\n"                            \
      "ldr %[k1], [%[x1], #4]\n"                            \
      "sxtb16 r5, %[k0]\n"                                  \
      "sxtb16 r6, %[k1]\n"                                  \
      "sxtb16 %[k0], %[k0], ror #8\n"                       \
      "sxtb16 %[k1], %[k1], ror #8\n"                       \
      "strd r5, r6, [%[d]], #8\n"                           \
      "strd %[k0], %[k1], [%[d]], #8\n"                     \
      "ldrsb %[k0], [%[x0], #8]\n"                          \
      "ldrsb %[k1], [%[x1], #8]\n"                          \
      : [k0] "=&r"(KEEP0), [k1] "=&r"(KEEP1), [d] "+r"(dst) \
      : [x0] "r"(x0), [x1] "r"(x1)                          \
      : "r5", "r6", "memory")
  TM_ROW(a, b);
  x0 += step0;
  x1 += step1;
  TM_ROW(c, d);
  x0 += step0;
  x1 += step1;
  TM_ROW(e, f);
#undef TM_ROW
  /* the weights of the fourth byte are 0, whatever stands in its half */
  __asm__ volatile(
      "pkhbt %[a], %[a], %[e], lsl #16\n"
      "pkhbt %[b], %[b], %[f], lsl #16\n"
      "strd %[a], %[b], [%[dst]]\n"
      "strd %[c], %[d], [%[dst], #8]\n"
      : [a] "+r"(a), [b] "+r"(b)
      : [c] "r"(c), [d] "r"(d), [e] "r"(e), [f] "r"(f), [dst] "r"(dst)
      : "memory");
}

/* An output pixel, its window's first row and column, and where both are in memory. */
typedef struct pixel {
  int32_t oy, ox, iy, ix;
  int rows_inside; /* the window's rows are inside and follow each other without a ring's seam */
  const int8_t *x;
  int8_t *y;
} pixel;

static void begin_row(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *y, pixel *at) {
  const int32_t last = at->iy + (p->kernel_h - 1) * p->dilation_h;
  at->ox = 0;
  at->ix = -p->pad_left;
  at->rows_inside = at->iy >= 0 && last < p->in.h && tm_row(&p->in, last) - tm_row(&p->in, at->iy) == last - at->iy;
  at->x = (at->rows_inside ? x + tm_row_offset(&p->in, at->iy) : x) - (ptrdiff_t)p->pad_left * p->in.px_stride;
  at->y = y + tm_row_offset(&p->out, at->oy);
}

/* 1x1 windows, all inside, of a multiple of four channels, which are widened where they are. */
static void pointwise(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *y, uint32_t *wide, pair_job *job,
                      void (*pairs)(pair_job *), const int32_t *last) {
  const ptrdiff_t x_step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const ptrdiff_t y_step = p->out.px_stride;
  const int32_t ci = p->in.c;
  const int32_t co = p->out.c;
  const int32_t even = co & ~1;
  const int32_t *w = job->w;
  const int8_t *from = NULL;
  int8_t *to = NULL;
  int32_t oy = 0;
  int32_t row_left = 0;
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    if (row_left == 0) {
      from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) - (ptrdiff_t)p->pad_left * p->in.px_stride;
      to = y + tm_row_offset(&p->out, oy++);
      row_left = p->out.w;
    }
    const int8_t *x0 = from;
    int8_t *y0 = to;
    from += x_step;
    to += y_step;
    const int8_t *x1 = from;
    job->y = y0;
    job->apart = y_step;
    row_left -= 2;
    if (row_left < 0) { /* the second pixel is the next row's first, or there is none */
      x1 = x0;
      job->apart = 0;
      row_left = 0;
      if (left > 1) {
        from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) - (ptrdiff_t)p->pad_left * p->in.px_stride;
        to = y + tm_row_offset(&p->out, oy++);
        x1 = from;
        job->apart = to - y0;
        row_left = p->out.w - 1;
      }
    }
    from += x_step;
    to += y_step;
    (void)tm_widen_two(wide, x0, x1, ci);
    job->y_end = y0 + even;
    pairs(job);
    if (even != co) {
      job->w = last;
      job->y = y0 + co - 2;
      job->y_end = y0 + co;
      pairs(job);
      job->w = w;
    }
  }
}

tm_status tm_conv_2d_i8_pairs_dsp(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                  void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out.c < 2 || p->kernel_h * p->kernel_w * p->in.c <= 4) {
    return TM_ERR_SHAPE;
  }
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  const int32_t groups = (p->kernel_h * run + 3) / 4; /* of four inputs */
  const int in_place = ci % 4 == 0;
  const int rgb = p->kernel_h == 3 && run == 9;
  /* windows that begin in columns [0, columns) are inside, and their rows are runs of bytes */
  const int joined = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == ci);
  const int32_t columns = joined ? p->in.w - p->kernel_w + 1 : 0;
  const ptrdiff_t down = (ptrdiff_t)p->dilation_h * p->in.row_stride;
  const ptrdiff_t advance = (ptrdiff_t)p->stride_w * p->in.px_stride;
  void (*const pairs)(pair_job *) = p->any_sign != 0 ? tm_pairs_any_sign : tm_pairs_one_sign;
  uint32_t *wide = (uint32_t *)scratch;
  int8_t *bytes = (int8_t *)(wide + 4 * groups);
  int8_t *rest = bytes + 2 * p->kernel_h * run;
  pair_job job = {w, y, groups - 2, wide, NULL, wide + 4 * groups - 32, 0, 0};
  pairs(&job);
  const int32_t even = p->out.c & ~1;
  const int32_t *last = w + (ptrdiff_t)(even / 2) * (8 + 2 * groups);
  if (p->kernel_h == 1 && p->kernel_w == 1 && in_place && p->pad_top <= 0 && p->pad_left <= 0 &&
      (p->out.h - 1) * p->stride_h - p->pad_top < p->in.h && (p->out.w - 1) * p->stride_w - p->pad_left < p->in.w) {
    pointwise(p, x, y, wide, &job, pairs, last);
    return TM_OK;
  }
  pixel at = {0, 0, -p->pad_top, 0, 0, NULL, NULL};
  if (p->out.h > 0 && p->out.w > 0) {
    begin_row(p, x, y, &at);
  }
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    const int8_t *from[2] = {NULL, NULL};
    ptrdiff_t step[2] = {down, down};
    int whole = 1;
    /* two neighbours inside, the usual case */
    const int inside = at.rows_inside && at.ix >= 0 && at.ix + p->stride_w < columns && at.ox + 1 < p->out.w;
    if (inside) {
      from[0] = at.x;
      from[1] = at.x + advance;
      job.y = at.y;
      job.apart = p->out.px_stride;
      at.x += 2 * advance;
      at.y += 2 * p->out.px_stride;
      at.ix += 2 * p->stride_w;
      at.ox += 2;
      if (at.ox == p->out.w && ++at.oy < p->out.h) {
        at.iy += p->stride_h;
        begin_row(p, x, y, &at);
      }
    }
    for (int32_t k = inside ? 2 : 0; k < 2; ++k) {
      if (k != 0 && left == 1) { /* no second pixel: the first one's inputs, and its outputs written twice */
        job.apart = 0;
        from[1] = from[0];
        step[1] = step[0];
        break;
      }
      if (at.rows_inside && at.ix >= 0 && at.ix < columns) {
        from[k] = at.x;
      } else if (in_place) {
        widen_window(p, x, wide + k, at.iy, at.ix);
        whole = 0;
      } else {
        from[k] = bytes + k * p->kernel_h * run;
        step[k] = run;
        gather(p, x, bytes + k * p->kernel_h * run, at.iy, at.ix);
      }
      if (k == 0) {
        job.y = at.y;
      } else {
        job.apart = at.y - job.y;
      }
      at.x += advance;
      at.y += p->out.px_stride;
      at.ix += p->stride_w;
      if (++at.ox == p->out.w && ++at.oy < p->out.h) {
        at.iy += p->stride_h;
        begin_row(p, x, y, &at);
      }
    }
    if (rgb) {
      widen_rgb(wide, from[0], from[1], step[0], step[1]);
    } else if (whole) {
      widen_rows(wide, from[0], from[1], step[0], step[1], p->kernel_h, run, rest);
    } else {
      /* one of the two is at a border, the other one may not be */
      for (int32_t k = 0; k < 2; ++k) {
        if (from[k] != NULL) {
          uint32_t *dst = wide + k;
          for (int32_t ky = 0; ky < p->kernel_h; ++ky) {
            dst = tm_widen_one(dst, from[k] + ky * down, run);
          }
        }
      }
    }
    job.w = w;
    job.y_end = job.y + even;
    pairs(&job);
    if (even != p->out.c) {
      job.w = last;
      job.y += even - 1;
      job.y_end = job.y + 2;
      pairs(&job);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_pairs_dsp_not_built;
#endif
