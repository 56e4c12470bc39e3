/*
 * CONV_2D, int8, Armv7E-M, packed pairs of output channels. Contract: tm/conv_2d_pairs.h. Empty on other cores.
 *
 * The inner loops are in tm/triple_job_dsp.h and tm/pair_job_dsp.h; here pixels are found, widened and handed to the first one three
 * by three where three neighbours are inside, and to the second one two by two elsewhere.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_pairs.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_job_dsp.h"
#include "tm/triple_job_dsp.h"
#include "tm/widen_rows_dsp.h"

/* What a firmware whose network does not need it is built without (-D...=0): windows of more than a pixel or with padding whose
 * channels are a multiple of four, or are not. */
#ifndef TM_CONV_2D_PAIRS_FOURS
#define TM_CONV_2D_PAIRS_FOURS 1
#endif
#ifndef TM_CONV_2D_PAIRS_ODD
#define TM_CONV_2D_PAIRS_ODD 1
#endif

/* n bytes, as unaligned words and half-words, which LDR and STR permit. */
static void fill_bytes(int8_t *dst, int8_t value, int32_t n) {
  const uint32_t v = ((uint32_t)value & 0xffu) * 0x01010101u;
  for (; n >= 4; n -= 4) {
    __asm__ volatile("str %1, [%0], #4" : "+r"(dst) : "r"(v) : "memory");
  }
  for (; n > 0; --n) {
    *dst++ = value;
  }
}

static inline void copy_bytes(int8_t *dst, const int8_t *src, int32_t n) {
  uint32_t v;
  for (; n >= 4; n -= 4) {
    __asm__ volatile("ldr %0, [%1], #4\n str %0, [%2], #4" : "=&r"(v), "+r"(src), "+r"(dst) : : "memory");
  }
  if ((n & 2) != 0) {
    __asm__ volatile("ldrh %0, [%1], #2\n strh %0, [%2], #2" : "=&r"(v), "+r"(src), "+r"(dst) : : "memory");
  }
  if ((n & 1) != 0) {
    *dst = *src;
  }
}

/* The window's bytes at input row iy0 and column ix0, kernel_h rows of kernel_w pixels, padding included. */
static void gather(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  /* columns [left, right) of a row are inside and neighbours */
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  fill_bytes(dst, (int8_t)p->pad_value, p->kernel_h * run);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h, dst += run) {
    if (iy < 0 || iy >= p->in.h) {
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      copy_bytes(dst + left * ci, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      continue;
    }
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (ix >= 0 && ix < p->in.w) {
        copy_bytes(dst + kx * ci, row + (ptrdiff_t)ix * p->in.px_stride, ci);
      }
    }
  }
}

/* n bytes of padding, widened, of one of `together` pixels. */
static uint32_t *widen_pad(uint32_t *dst, int32_t pad, int32_t n, int32_t together) {
  const uint32_t half = (uint32_t)pad & 0xffffu;
  const uint32_t word = half << 16 | half;
  for (; n > 0; n -= 2) {
    *dst = word;
    dst += together;
  }
  return dst;
}

/* One of two pixels' widened inputs where runs of a multiple of four bytes can be widened in place. */
static void widen_window(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, uint32_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = widen_pad(dst, p->pad_value, p->kernel_w * ci, 2);
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    if (joined) {
      dst = widen_pad(dst, p->pad_value, left * ci, 2);
      dst = tm_widen_one(dst, row + (ptrdiff_t)(ix0 + left) * ci, (right - left) * ci);
      dst = widen_pad(dst, p->pad_value, (p->kernel_w - right) * ci, 2);
      continue;
    }
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      if (ix >= 0 && ix < p->in.w) {
        dst = tm_widen_one(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci);
      } else {
        dst = widen_pad(dst, p->pad_value, ci, 2);
      }
    }
  }
}

/* Three neighbours' widened inputs likewise. Those of a column outside are what is nearest to them, then overwritten. */
static void widen_three_windows(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, uint32_t *dst, int32_t iy, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  for (int32_t ky = 0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = widen_pad(dst, p->pad_value, 3 * p->kernel_w * ci, 1);
      continue;
    }
    const int8_t *row = x + tm_row_offset(&p->in, iy);
    int32_t columns = 1;
    for (int32_t kx = 0; kx < p->kernel_w; kx += columns) {
      const int8_t *from[3];
      uint32_t *const begin = dst;
      int32_t ix = ix0 + kx * p->dilation_w;
      /* what is left of the row is one run where it is inside for all three */
      columns = joined && ix >= 0 && ix0 + 2 * p->stride_w + p->kernel_w <= p->in.w ? p->kernel_w - kx : 1;
      for (int32_t k = 0; k < 3; ++k) {
        from[k] = row + (ptrdiff_t)tm_clamp_i32(ix + k * p->stride_w, 0, p->in.w - 1) * p->in.px_stride;
      }
      dst = tm_widen_threes(dst, from[0], from[1], from[2], columns * ci);
      for (int32_t k = 0; k < 3; ++k, ix += p->stride_w) {
        if (ix < 0 || ix >= p->in.w) {
          (void)widen_pad(begin + k, p->pad_value, ci, 3);
        }
      }
    }
  }
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

/* The inner loops, and their jobs for all pixels of a call. */
typedef struct loops {
  tm_pair_loop pairs;
  tm_triple_loop triples;
  tm_pair_job two;
  tm_triple_job three;
  const int32_t *w, *last; /* the stream; the last pair of an odd number of channels */
  int32_t even;            /* channels of all pairs but that one */
  int32_t co;
} loops;

/* All channels of two pixels whose inputs are widened; two.apart is set. */
static void run_two(loops *l, int8_t *y) {
  l->two.w = l->w;
  l->two.y = y;
  l->two.y_end = y + l->even;
  l->pairs(&l->two);
  if (l->even != l->co) {
    l->two.w = l->last;
    l->two.y = y + l->even - 1;
    l->two.y_end = y + l->even + 1;
    l->pairs(&l->two);
  }
}

/* The same of three neighbours. */
static void run_three(loops *l, int8_t *y) {
  l->three.w = l->w;
  l->three.y = y;
  l->three.y_end = y + l->even;
  l->triples(&l->three);
  if (l->even != l->co) {
    l->three.w = l->last;
    l->three.y = y + l->even - 1;
    l->three.y_end = y + l->even + 1;
    l->triples(&l->three);
  }
}

/* 1x1 windows, all inside, of a multiple of four channels, which are widened where they are. */
static void pointwise(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *y, uint32_t *wide, loops *l) {
  const ptrdiff_t x_step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const ptrdiff_t y_step = p->out.px_stride;
  const int32_t ci = p->in.c;
  /* rows right behind each other are one */
  const int dense = p->stride_w == 1 && p->stride_h == 1 && p->in.ring == 0 && p->out.ring == 0 &&
                    p->in.row_stride == p->out.w * p->in.px_stride && p->out.row_stride == p->out.w * p->out.px_stride;
  const int32_t width = dense ? p->out.h * p->out.w : p->out.w;
  const int8_t *from = NULL;
  int8_t *to = NULL;
  int32_t oy = 0;
  int32_t row_left = 0;
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    if (row_left == 0) {
      from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) - (ptrdiff_t)p->pad_left * p->in.px_stride;
      to = y + tm_row_offset(&p->out, oy++);
      row_left = width;
    }
    if (TM_TRIPLES && row_left >= 3 && p->together == 3) {
      (void)tm_widen_threes(wide, from, from + x_step, from + 2 * x_step, ci);
      run_three(l, to);
      from += 3 * x_step;
      to += 3 * y_step;
      row_left -= 3;
      --left;
      continue;
    }
    const int8_t *x0 = from;
    int8_t *y0 = to;
    from += x_step;
    to += y_step;
    const int8_t *x1 = from;
    l->two.apart = y_step;
    row_left -= 2;
    if (row_left < 0) { /* the second pixel is the next row's first, or there is none */
      x1 = x0;
      l->two.apart = 0;
      row_left = 0;
      if (left > 1) {
        from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) - (ptrdiff_t)p->pad_left * p->in.px_stride;
        to = y + tm_row_offset(&p->out, oy++);
        x1 = from;
        l->two.apart = to - y0;
        row_left = p->out.w - 1;
      }
    }
    from += x_step;
    to += y_step;
    (void)tm_widen_two(wide, x0, x1, ci);
    run_two(l, y0);
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
  const tm_pair_loop pairs = tm_pairs_loop(p->any_sign);
  const tm_triple_loop triples = tm_triples_loop(p->any_sign);
  if (pairs == NULL || (p->together == 3 && triples == NULL)) {
    return TM_ERR_SHAPE;
  }
  const int32_t ci = p->in.c;
  const int32_t run = p->kernel_w * ci;
  const int32_t groups = (p->kernel_h * run + 3) / 4; /* of four inputs */
  const int in_place = ci % 4 == 0;
  /* windows that begin in columns [0, columns) are inside, and their rows are runs of bytes */
  const int joined = p->kernel_w == 1 || (p->dilation_w == 1 && p->in.px_stride == ci);
  const int32_t columns = joined ? p->in.w - p->kernel_w + 1 : 0;
  const ptrdiff_t down = (ptrdiff_t)p->dilation_h * p->in.row_stride;
  const ptrdiff_t advance = (ptrdiff_t)p->stride_w * p->in.px_stride;
  uint32_t *wide = (uint32_t *)scratch;
  int8_t *bytes = (int8_t *)(wide + 2 * (p->together == 3 ? 3 : 2) * groups);
  int8_t *rest = bytes + 2 * p->kernel_h * run;
  const int32_t even = p->out.c & ~1;
  loops l = {pairs,
             triples,
             {w, y, groups - 2, wide, NULL, wide + 4 * groups, 0, 0},
             {w, wide, y, groups, NULL, wide + 6 * groups, 0},
             w,
             w + (ptrdiff_t)(even / 2) * (8 + 2 * groups),
             even,
             p->out.c};
  l.pairs(&l.two);
  if (triples != NULL) {
    triples(&l.three);
  }
  l.three.apart = p->out.px_stride;
  if (p->kernel_h == 1 && p->kernel_w == 1 && in_place && p->pad_top <= 0 && p->pad_left <= 0 &&
      (p->out.h - 1) * p->stride_h - p->pad_top < p->in.h && (p->out.w - 1) * p->stride_w - p->pad_left < p->in.w) {
    pointwise(p, x, y, wide, &l);
    return TM_OK;
  }
  if (in_place ? TM_CONV_2D_PAIRS_FOURS == 0 : TM_CONV_2D_PAIRS_ODD == 0) {
    return TM_ERR_SHAPE;
  }
  const int threes = TM_TRIPLES && p->together == 3 && (run % 4 == 0 || (run == 9 && p->kernel_h == 3));
  pixel at = {0, 0, -p->pad_top, 0, 0, NULL, NULL};
  if (p->out.h > 0 && p->out.w > 0) {
    begin_row(p, x, y, &at);
  }
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    const int8_t *from[2] = {NULL, NULL};
    ptrdiff_t step[2] = {down, down};
    int whole = 1;
    int8_t *to = at.y;
    const int inside = at.rows_inside && at.ix >= 0;
    const int inside3 = inside && at.ix + 2 * p->stride_w < columns;
    if (threes && (inside3 || in_place) && at.ox + 2 < p->out.w) {
      if (inside3) {
        tm_widen_three_rows(wide, at.x, advance, down, p->kernel_h, run);
      } else {
        widen_three_windows(p, x, wide, at.iy, at.ix);
      }
      run_three(&l, to);
      at.x += 3 * advance;
      at.y += 3 * p->out.px_stride;
      at.ix += 3 * p->stride_w;
      at.ox += 3;
      if (at.ox == p->out.w && ++at.oy < p->out.h) {
        at.iy += p->stride_h;
        begin_row(p, x, y, &at);
      }
      --left;
      continue;
    }
    /* two neighbours inside, the usual case */
    const int inside2 = inside && at.ix + p->stride_w < columns && at.ox + 1 < p->out.w;
    if (inside2) {
      from[0] = at.x;
      from[1] = at.x + advance;
      l.two.apart = p->out.px_stride;
      at.x += 2 * advance;
      at.y += 2 * p->out.px_stride;
      at.ix += 2 * p->stride_w;
      at.ox += 2;
      if (at.ox == p->out.w && ++at.oy < p->out.h) {
        at.iy += p->stride_h;
        begin_row(p, x, y, &at);
      }
    }
    for (int32_t k = inside2 ? 2 : 0; k < 2; ++k) {
      if (k != 0 && left == 1) { /* no second pixel: the first one's inputs, and its outputs written twice */
        l.two.apart = 0;
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
      if (k == 1) {
        l.two.apart = at.y - to;
      }
      at.x += advance;
      at.y += p->out.px_stride;
      at.ix += p->stride_w;
      if (++at.ox == p->out.w && ++at.oy < p->out.h) {
        at.iy += p->stride_h;
        begin_row(p, x, y, &at);
      }
    }
    if (TM_CONV_2D_PAIRS_FOURS == 0 || whole) {
      tm_widen_rows(wide, from[0], from[1], step[0], step[1], p->kernel_h, run, rest);
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
    run_two(&l, to);
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_pairs_dsp_not_built;
#endif
