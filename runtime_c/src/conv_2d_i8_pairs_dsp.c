/*
 * CONV_2D, int8, Armv7E-M, packed pairs of output channels. Contract: tm/conv_2d_pairs.h. Empty on other cores.
 *
 * The inner loops are in tm/triple_job_dsp.h and tm/pair_job_dsp.h; here pixels are found, widened and handed to the first one three
 * by three where they are the same way apart, and to the second one two by two elsewhere.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_pairs.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pairs_pointwise_dsp.h"

/* What a firmware whose network does not need it is built without (-D...=0): windows of more than a pixel or with padding whose
 * channels are a multiple of four, or are not, or whose rows are a word. */
#ifndef TM_CONV_2D_PAIRS_FOURS
#define TM_CONV_2D_PAIRS_FOURS 1
#endif
#ifndef TM_CONV_2D_PAIRS_WORDS
#define TM_CONV_2D_PAIRS_WORDS 1
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

/* `pixels` further; not across a row's end. */
static inline void advance(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *y, pixel *at, int32_t pixels) {
  const int32_t columns = pixels * p->stride_w;
  at->x += (ptrdiff_t)columns * p->in.px_stride;
  at->y += (ptrdiff_t)pixels * p->out.px_stride;
  at->ix += columns;
  at->ox += pixels;
  if (at->ox == p->out.w && ++at->oy < p->out.h) {
    at->iy += p->stride_h;
    begin_row(p, x, y, at);
  }
}

/* A window of a multiple of four channels, which is not all inside or not rows of bytes. */
static __attribute__((noinline)) void widen_border(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, const pixel *at, uint32_t *dst,
                                                   int32_t apart) {
  const int32_t ci = p->in.c;
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-at->ix, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - at->ix, left, p->kernel_w);
  const ptrdiff_t down = (ptrdiff_t)p->dilation_h * p->in.row_stride;
  const int8_t *row = at->x; /* of the window's first column, wherever that is */
  for (int32_t ky = 0, iy = at->iy; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = tm_widen_pad(dst, p->pad_value, p->kernel_w * ci, apart);
      continue;
    }
    if (!at->rows_inside) {
      row = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)at->ix * p->in.px_stride;
    }
    if (joined) {
      if (left != 0) {
        dst = tm_widen_pad(dst, p->pad_value, left * ci, apart);
      }
      if (left != right) {
        dst = tm_widen_runs(dst, row + left * ci, (right - left) * ci, 1, 0, apart);
      }
      if (right != p->kernel_w) {
        dst = tm_widen_pad(dst, p->pad_value, (p->kernel_w - right) * ci, apart);
      }
    } else {
      for (int32_t kx = 0, ix = 0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
        if (at->ix + ix >= 0 && at->ix + ix < p->in.w) {
          dst = tm_widen_runs(dst, row + (ptrdiff_t)ix * p->in.px_stride, ci, 1, 0, apart);
        } else {
          dst = tm_widen_pad(dst, p->pad_value, ci, apart);
        }
      }
    }
    row += down;
  }
}

/* A window not all inside whose rows are four bytes each, of a view at least as wide, to every third word. */
static __attribute__((noinline)) void widen_words(const tm_conv_2d_i8_pairs_params *p, const pixel *at, uint32_t *dst) {
  const int32_t ci = p->in.c;
  const int32_t inside = tm_clamp_i32(at->ix, 0, p->in.w - p->kernel_w);
  const int8_t *row = at->x + (ptrdiff_t)(inside - at->ix) * ci;
  const uint32_t pad = (uint32_t)(p->pad_value & 0xff) * 0x01010101u;
  const int32_t left = tm_clamp_i32((inside - at->ix) * 8 * ci, 0, 32);
  const int32_t right = tm_clamp_i32((at->ix - inside) * 8 * ci, 0, 32);
  uint32_t kept = left < 32 ? UINT32_MAX << left : 0;
  kept = right < 32 ? kept >> right : 0;
  if (at->rows_inside) {
    tm_widen_words(dst, row, p->kernel_h, (ptrdiff_t)p->dilation_h * p->in.row_stride, left, right, pad & ~kept);
    return;
  }
  for (int32_t ky = 0, rows = 1; ky < p->kernel_h; ky += rows, dst += 6 * rows) {
    const int32_t iy = at->iy + ky * p->dilation_h;
    rows = 1;
    if (iy < 0 || iy >= p->in.h) {
      (void)tm_widen_pad(dst, p->pad_value, 4, 3);
    } else {
      if (p->in.ring == 0 && p->dilation_h == 1) { /* the others follow */
        rows = tm_min_i32(p->kernel_h - ky, p->in.h - iy);
      }
      tm_widen_words(dst, row + tm_row_offset(&p->in, iy), rows, p->in.row_stride, left, right, pad & ~kept);
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
  const tm_pair_loop pairs = tm_pairs_loop(p->any_sign);
  const tm_triple_loop triples = tm_triples_loop(p->any_sign);
  if (pairs == NULL || (p->together == 3 && triples == NULL) || (TM_CONV_2D_PAIRS_REST == 0 && p->out.c % 2 != 0)) {
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
  const int32_t records = (p->out.c + 1) / 2 * TM_PAIR_RECORD;
  const int32_t *q = w;
  uint32_t *wide = (uint32_t *)scratch;
  if (p->packed.form == 0) {
    w += records;
  } else {
#if TM_PACKED_CONSTANTS_USED
    w = tm_unpack_pairs_dsp(&p->packed, w, p->out.c, p->any_sign, (int32_t *)scratch);
    q = (const int32_t *)scratch;
    wide += records;
#else
    return TM_ERR_SHAPE;
#endif
  }
  int8_t *bytes = (int8_t *)(wide + 2 * (p->together == 3 ? 3 : 2) * groups);
  int8_t *rest = bytes + p->kernel_h * run;
  const int32_t even = p->out.c & ~1;
  loops l = {pairs,
             triples,
             {w, q, y, groups - 2, wide, NULL, wide + 4 * groups, 0, 0},
             {wide, w, y, groups, q + 4 * even, q, 0, wide + 6 * groups},
             w,
             q,
             w + (ptrdiff_t)even * groups,
             q + 4 * even,
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
  const int in_fours = TM_CONV_2D_PAIRS_ODD == 0 || (TM_CONV_2D_PAIRS_FOURS != 0 && in_place);
  /* three neighbours' windows are five columns, each of which is widened once */
  const int five = p->stride_w == 1 && p->kernel_w == 3 && joined && ci % 8 == 0;
  const int words = run == 4 && joined && p->in.w >= p->kernel_w;
  const int nines = run == 9 && p->kernel_h == 3;
  const ptrdiff_t step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  /* three pixels are the same way apart across a row's end too */
  const int dense = p->out.ring == 0 && p->out.row_stride == p->out.w * p->out.px_stride;
  pixel at = {0, 0, -p->pad_top, 0, 0, NULL, NULL};
  if (p->out.h > 0 && p->out.w > 0) {
    begin_row(p, x, y, &at);
  }
  int32_t together = p->together;
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= together) {
    int8_t *const to = at.y;
    const int in_row = at.ox + 2 < p->out.w;
    together = TM_TRIPLES && p->together == 3 && left > 2 && (in_row || dense) ? 3 : 2;
    if ((in_fours || (nines && at.rows_inside)) && together == 3 && in_row && at.ix >= 0 && at.ix + 2 * p->stride_w < columns) {
      /* all groups of this row whose columns are inside */
      const int32_t inside = tm_min_i32((columns - 1 - at.ix) / p->stride_w + 1, p->out.w - at.ox) / 3 * 3;
      const int8_t *from = at.x;
      for (together = 0; together < inside; together += 3, from += 3 * step) {
        if (!in_fours) {
          tm_widen_nines(wide, from, down, step, 3);
        }
        for (int32_t ky = 0, rows = at.rows_inside ? p->kernel_h : 1; in_fours && ky < p->kernel_h; ky += rows) {
          const int32_t iy = at.iy + ky * p->dilation_h;
          uint32_t *const dst = wide + ky * (run / 2 * 3);
          const int8_t *row = from;
          if (!at.rows_inside) {
            if (iy < 0 || iy >= p->in.h) {
              (void)tm_widen_pad(dst, p->pad_value, 3 * run, 1);
              continue;
            }
            row += tm_row_offset(&p->in, iy);
          }
          if (five) {
            tm_widen_five(dst, row, ci, rows, down);
          } else {
            for (int32_t k = 0; k < 3; ++k) {
              (void)tm_widen_runs_3(dst + k, row + k * step, run, rows, down);
            }
          }
        }
        run_three(&l, to + together * p->out.px_stride);
      }
      advance(p, x, y, &at, together);
      continue;
    }
    ptrdiff_t apart = 0;
    for (int32_t k = 0; k < together; ++k) {
      const int inside = at.rows_inside && at.ix >= 0 && at.ix < columns;
      if (in_fours && inside) {
        (void)tm_widen_runs(wide + k, at.x, run, p->kernel_h, down, together);
      } else if (in_fours) {
        widen_border(p, x, &at, wide + k, together);
      } else if (TM_CONV_2D_PAIRS_WORDS != 0 && words && together == 3) {
        if (inside) {
          tm_widen_words(wide + k, at.x, p->kernel_h, down, 0, 0, 0);
        } else {
          widen_words(p, &at, wide + k);
        }
      } else if (inside) {
        tm_widen_odd(wide + k, at.x, run, p->kernel_h, down, together, rest);
      } else {
        gather(p, x, bytes, at.iy, at.ix);
        tm_widen_odd(wide + k, bytes, run, p->kernel_h, run, together, rest);
      }
      apart = at.y - to;
      if (k + 1 < left) { /* else there is no second pixel: the first one's inputs again, and its outputs written twice */
        advance(p, x, y, &at, 1);
      }
    }
    if (together == 3) {
      run_three(&l, to);
    } else {
      run_two(&l, to, apart);
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_pairs_dsp_not_built;
#endif
