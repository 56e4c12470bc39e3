/*
 * Armv7E-M: pixels two by two and three by three through the loops of tm/pair_job_dsp.h and tm/triple_job_dsp.h, and 1x1 windows, all
 * of whose inputs are where those loops want them once they are widened. For conv_2d_i8_pairs_dsp.c.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIRS_POINTWISE_DSP_H
#define TM_PAIRS_POINTWISE_DSP_H

#include "tm/conv_2d_pairs.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_job_dsp.h"
#include "tm/triple_job_dsp.h"
#include "tm/widen_rows_dsp.h"

/* An odd number of output channels: a firmware whose network has none is built without (-D...=0). */
#ifndef TM_CONV_2D_PAIRS_REST
#define TM_CONV_2D_PAIRS_REST 1
#endif

/* The inner loops, and their jobs for all pixels of a call. */
typedef struct loops {
  tm_pair_loop pairs;
  tm_triple_loop triples;
  tm_pair_job two;
  tm_triple_job three;
  const int32_t *w, *q;         /* words, records */
  const int32_t *last, *last_q; /* of the last pair of an odd number of channels */
  int32_t even;                 /* channels of all pairs but that one */
  int32_t co;
} loops;

/* All channels of two pixels whose inputs are widened, `apart` bytes of outputs from each other. */
static inline void run_two(loops *l, int8_t *y, ptrdiff_t apart) {
  tm_pair_job *const two = &l->two;
  two->apart = apart;
  two->y = y;
  two->y_end = y + l->even;
  l->pairs(two);
  if (TM_CONV_2D_PAIRS_REST != 0 && l->even != l->co) {
    two->w = l->last;
    two->q = l->last_q;
    two->y = y + l->even - 1;
    two->y_end += 1;
    l->pairs(two);
    two->w = l->w;
    two->q = l->q;
  }
}

/* The same of three neighbours. */
static inline void run_three(loops *l, int8_t *y) {
  tm_triple_job *const three = &l->three;
  three->y = y;
  l->triples(three);
  if (TM_CONV_2D_PAIRS_REST != 0 && l->even != l->co) {
    three->w = l->last;
    three->q = l->last_q;
    three->y = y + l->even - 1;
    three->q_end += TM_PAIR_RECORD;
    l->triples(three);
    three->w = l->w;
    three->q = l->q;
    three->q_end -= TM_PAIR_RECORD;
  }
}

/* Two by two, n > 0 pairs of neighbouring pixels' 1x1 windows of ci inputs, `step` bytes apart, and an even number co of channels. */
static __attribute__((noinline)) void neighbours(tm_pair_job *job, tm_pair_loop run, const int8_t *x, int8_t *y, int32_t n, ptrdiff_t step,
                                                 int32_t ci, int32_t co) {
  const ptrdiff_t y_step = job->apart * 2;
  const int8_t *const end = y + n * y_step;
  do {
    (void)tm_widen_twos((uint32_t *)(uintptr_t)job->x, x, x + step, ci);
    job->y = y;
    job->y_end = y + co;
    run(job);
    x += step * 2;
    y += y_step;
  } while (y != end);
}

#if TM_TRIPLES
/* The same of threes of neighbours. */
static __attribute__((noinline)) void three_neighbours(tm_triple_job *job, tm_triple_loop run, const int8_t *x, int8_t *y, int32_t n,
                                                       ptrdiff_t step, int32_t ci) {
  const ptrdiff_t y_step = job->apart * 3;
  const int8_t *const end = y + n * y_step;
  do {
    tm_widen_threes((uint32_t *)(uintptr_t)job->x, x, step, ci);
    job->y = y;
    run(job);
    x += step;
    x += step * 2;
    y += y_step;
  } while (y != end);
}
#endif

/* 1x1 windows, all inside, of a multiple of four channels, which are widened where they are. */
static void pointwise(const tm_conv_2d_i8_pairs_params *p, const int8_t *x, int8_t *y, uint32_t *wide, loops *l) {
  const ptrdiff_t x_step = (ptrdiff_t)p->stride_w * p->in.px_stride;
  const ptrdiff_t y_step = p->out.px_stride;
  const ptrdiff_t left_out = -(ptrdiff_t)p->pad_left * p->in.px_stride;
  const int32_t ci = p->in.c;
  /* rows right behind each other are one */
  const int dense = p->stride_w == 1 && p->stride_h == 1 && p->in.ring == 0 && p->out.ring == 0 &&
                    p->in.row_stride == p->out.w * p->in.px_stride && p->out.row_stride == p->out.w * p->out.px_stride;
  const int32_t rows = dense ? tm_min_i32(p->out.h, 1) : p->out.h;
  const int even = TM_CONV_2D_PAIRS_REST == 0 || l->even == l->co;
  int32_t first = 0; /* pixels of a row that were computed with the row before */
  for (int32_t oy = 0; oy < rows; ++oy) {
    const int8_t *from = x + tm_row_offset(&p->in, oy * p->stride_h - p->pad_top) + left_out + first * x_step;
    int8_t *to = y + tm_row_offset(&p->out, oy) + first * y_step;
    int32_t left = (dense ? p->out.h * p->out.w : p->out.w) - first;
    first = 0;
#if TM_TRIPLES
    if (p->together == 3 && even && left >= 3) {
      const int32_t n = left / 3;
      three_neighbours(&l->three, l->triples, from, to, n, x_step, ci);
      from += n * 3 * x_step;
      to += n * 3 * y_step;
      left -= n * 3;
    }
    for (; p->together == 3 && left >= 3; left -= 3) {
      tm_widen_threes(wide, from, x_step, ci);
      run_three(l, to);
      from += 3 * x_step;
      to += 3 * y_step;
    }
#endif
    if (even && left >= 2) {
      const int32_t n = left / 2;
      l->two.apart = y_step;
      neighbours(&l->two, l->pairs, from, to, n, x_step, ci, l->co);
      from += n * 2 * x_step;
      to += n * 2 * y_step;
      left -= n * 2;
    }
    for (; left >= 2; left -= 2) {
      (void)tm_widen_twos(wide, from, from + x_step, ci);
      run_two(l, to, y_step);
      from += 2 * x_step;
      to += 2 * y_step;
    }
    if (left > 0) { /* the second pixel is the next row's first, or there is none */
      const int8_t *next = from;
      ptrdiff_t apart = 0;
      if (oy + 1 < rows) {
        next = x + tm_row_offset(&p->in, (oy + 1) * p->stride_h - p->pad_top) + left_out;
        apart = y + tm_row_offset(&p->out, oy + 1) - to;
        first = 1;
      }
      (void)tm_widen_twos(wide, from, next, ci);
      run_two(l, to, apart);
    }
  }
}

#endif
#endif /* TM_PAIRS_POINTWISE_DSP_H */
