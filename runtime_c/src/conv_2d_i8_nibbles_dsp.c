/*
 * CONV_2D, int8, weights of 4 or 2 bits, Armv7E-M. Contract: tm/conv_2d_nibbles.h. Empty on other cores.
 *
 * The inner loop is in tm/nibble_job_dsp.h; here pixels are found, widened and handed to it three by three.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_nibbles.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/nibble_job_dsp.h"

enum { RECORD = 8 }; /* words */

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

/* The window at input row iy0 and column ix0, padding included. */
static void gather(const tm_conv_2d_i8_nibbles_params *p, const int8_t *x, int8_t *dst, int32_t iy0, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int8_t pad = (int8_t)p->pad_value;
  /* columns [left, right) of a row are inside and neighbours */
  const int joined = p->dilation_w == 1 && p->in.px_stride == ci;
  const int32_t left = tm_clamp_i32(-ix0, 0, p->kernel_w);
  const int32_t right = tm_clamp_i32(p->in.w - ix0, left, p->kernel_w);
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    if (iy < 0 || iy >= p->in.h) {
      dst = fill_bytes(dst, pad, p->kernel_w * ci);
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

/* k bytes as words (b0, b2), (b1, b3) of four each to every third word from dst on, zeros up to `words`; returns their sum. */
static int32_t widen(uint32_t *dst, const int8_t *x, int32_t k, int32_t words) {
  const uint32_t ones = 0x00010001u;
  const uint32_t *end = dst + 3 * words;
  int32_t sum = 0;
  uint32_t v, even, odd;
#define STEP(from, to0, to1)                    \
  "ldr %[v], [%[x], #" from "]\n"               \
  "sxtb16 %[e], %[v]\n"                         \
  "sxtb16 %[o], %[v], ror #8\n"                 \
  "str %[e], [%[d], #" to0 "]\n"                \
  "str %[o], [%[d], #" to1 "]\n"                \
  "smlad %[s], %[e], %[ones], %[s]\n"           \
  "smlad %[s], %[o], %[ones], %[s]\n"
#define WIDEN(TEXT)                                                                       \
  __asm__ volatile(TEXT                                                                   \
                   : [v] "=&r"(v), [e] "=&r"(even), [o] "=&r"(odd), [s] "+r"(sum)         \
                   : [x] "r"(x), [d] "r"(dst), [ones] "r"(ones)                           \
                   : "memory")
  for (; k >= 16; k -= 16) {
    WIDEN(STEP("0", "0", "12") STEP("4", "24", "36") STEP("8", "48", "60") STEP("12", "72", "84"));
    x += 16;
    dst += 24;
  }
  for (; k >= 4; k -= 4) {
    WIDEN(STEP("0", "0", "12"));
    x += 4;
    dst += 6;
  }
#undef STEP
#undef WIDEN
  if (k > 0) {
    int32_t b[3] = {x[0], k > 1 ? x[1] : 0, k > 2 ? x[2] : 0};
    sum += b[0] + b[1] + b[2];
    dst[0] = ((uint32_t)b[0] & 0xffffu) | (uint32_t)b[2] << 16;
    dst[3] = (uint32_t)b[1] & 0xffffu;
    dst += 6;
  }
  for (; dst < end; dst += 3) {
    *dst = 0;
  }
  return sum;
}

typedef void run_job(nibble_job *job);

static run_job *chosen(const tm_conv_2d_i8_nibbles_params *p) {
  if (p->weight_bits == 4) {
    return p->any_sign != 0 ? tm_nibbles_any_sign : tm_nibbles_one_sign;
  }
  return p->any_sign != 0 ? tm_crumbs_any_sign : tm_crumbs_one_sign;
}

/* All channels of three pixels. `last`: where the last pair is, of an odd number of channels. */
static void compute(nibble_job *job, run_job *run, int32_t co, const nibble_job *last) {
  const int32_t *w = job->w;
  const int32_t *q = job->q;
  job->at = 0;
  job->end = co & ~1;
  run(job);
  if ((co & 1) != 0) {
    job->w = last->w;
    job->q = last->q;
    job->at = co - 2;
    job->end = co;
    run(job);
    job->w = w;
    job->q = q;
  }
}

tm_status tm_conv_2d_i8_nibbles_dsp(const tm_conv_2d_i8_nibbles_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                    void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out.c < 2 || (p->weight_bits != 4 && p->weight_bits != 2)) {
    return TM_ERR_SHAPE;
  }
  const int32_t k = p->kernel_h * p->kernel_w * p->in.c;
  const int32_t unit = p->weight_bits == 4 ? 4 : 8; /* inputs of a word */
  const int32_t units = (k + unit - 1) / unit;
  const int32_t words = units * unit / 2;
  const int point = p->kernel_h == 1 && p->kernel_w == 1;
  run_job *const run = chosen(p);
  uint32_t *wide = (uint32_t *)scratch;
  int8_t *bytes = (int8_t *)(wide + 3 + 3 * words);
  nibble_job job = {w, wide, units, 0, {y, y, y}, wide + 3 + 3 * words, 0, w + (p->out.c + 1) / 2 * RECORD};
  run(&job);
  nibble_job last = job;
  last.q += (ptrdiff_t)(p->out.c / 2) * RECORD;
  last.w += (ptrdiff_t)(p->out.c / 2) * units;
  int32_t n = 0;
  const int8_t *from = NULL;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int32_t iy = oy * p->stride_h - p->pad_top;
    const int row_inside = point && iy >= 0 && iy < p->in.h;
    const int8_t *row = row_inside ? x + tm_row_offset(&p->in, iy) : x;
    int8_t *out = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0, ix = -p->pad_left; ox < p->out.w; ++ox, ix += p->stride_w) {
      if (row_inside && ix >= 0 && ix < p->in.w) {
        from = row + (ptrdiff_t)ix * p->in.px_stride;
      } else if (point) { /* padding alone */
        from = NULL;
      } else {
        gather(p, x, bytes, iy, ix);
        from = bytes;
      }
      if (from == NULL) {
        for (int32_t i = 0; i < words; ++i) {
          const int32_t first = 4 * (i / 2) + i % 2;
          const uint32_t half = (uint32_t)p->pad_value & 0xffffu;
          wide[3 + 3 * i + n] = (first < k ? half : 0u) | (first + 2 < k ? half << 16 : 0u);
        }
        wide[n] = (uint32_t)(-128 * k * p->pad_value);
      } else {
        wide[n] = (uint32_t)(-128 * widen(wide + 3 + n, from, k, words));
      }
      job.y[n] = out;
      out += p->out.px_stride;
      if (++n == 3) {
        compute(&job, run, p->out.c, &last);
        n = 0;
      }
    }
  }
  if (n != 0) { /* the pixels that are not there: the first one once more */
    for (int32_t m = n; m < 3; ++m) {
      for (int32_t i = 0; i <= words; ++i) {
        wide[3 * i + m] = wide[3 * i];
      }
      job.y[m] = job.y[0];
    }
    compute(&job, run, p->out.c, &last);
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_nibbles_dsp_not_built;
#endif
