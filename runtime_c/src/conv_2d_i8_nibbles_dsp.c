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

/* Sums of a pixel's even inputs and of its odd ones. */
typedef struct sums {
  int32_t even, odd;
} sums;

static uint32_t joined(int32_t low, int32_t high) { return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16; }

/* Four inputs as two words. */
static void put(uint32_t *dst, const int32_t *b, int nibbles, sums *s) {
  dst[0] = nibbles ? joined(16 * b[0] - b[1], 16 * b[2] - b[3]) : joined(b[0], b[2]);
  dst[3] = joined(b[1], b[3]);
  s->even += b[0] + b[2];
  s->odd += b[1] + b[3];
}

/* What the sums of a pixel begin with. */
static void begin(uint32_t *dst, sums s, int nibbles) {
  const uint32_t all = 128u * (uint32_t)(s.even + s.odd);
  dst[0] = 0u - all - (nibbles ? 32768u * (uint32_t)s.even : 0u);
  dst[3] = 0u - all;
}

/* k bytes as `words` words, to every third one behind the pixel's first two, filled up with zeros. Layout: tm/nibble_job_dsp.h. */
static void widen(uint32_t *dst, const int8_t *x, int32_t k, int32_t words, int nibbles) {
  const uint32_t ones = 0x00010001u;
  uint32_t *const first = dst;
  const uint32_t *end = dst + 6 + 3 * words;
  sums s = {0, 0};
  uint32_t v, even, odd;
  dst += 6;
#define STEP(from, to0, to1, EVEN)              \
  "ldr %[v], [%[x], #" from "]\n"               \
  "sxtb16 %[e], %[v]\n"                         \
  "sxtb16 %[o], %[v], ror #8\n"                 \
  "smlad %[s], %[e], %[ones], %[s]\n"           \
  "smlad %[t], %[o], %[ones], %[t]\n" EVEN       \
  "str %[e], [%[d], #" to0 "]\n"                \
  "str %[o], [%[d], #" to1 "]\n"
/* 16 * even - odd in both halves */
#define LESS_ODD "and %[e], %[m], %[e], lsl #4\n ssub16 %[e], %[e], %[o]\n"
#define WIDEN(TEXT)                                                                                              \
  __asm__ volatile(TEXT                                                                                          \
                   : [v] "=&r"(v), [e] "=&r"(even), [o] "=&r"(odd), [s] "+r"(s.even), [t] "+r"(s.odd)            \
                   : [x] "r"(x), [d] "r"(dst), [ones] "r"(ones), [m] "r"(0xfff0fff0u)                            \
                   : "memory")
#define ALL(EVEN)                                                                                                            \
  for (; k >= 16; k -= 16, x += 16, dst += 24) {                                                                             \
    WIDEN(STEP("0", "0", "12", EVEN) STEP("4", "24", "36", EVEN) STEP("8", "48", "60", EVEN) STEP("12", "72", "84", EVEN)); \
  }                                                                                                                          \
  for (; k >= 4; k -= 4, x += 4, dst += 6) {                                                                                 \
    WIDEN(STEP("0", "0", "12", EVEN));                                                                                       \
  }
  if (nibbles) {
    ALL(LESS_ODD)
  } else {
    ALL("")
  }
#undef STEP
#undef LESS_ODD
#undef WIDEN
#undef ALL
  if (k > 0) {
    const int32_t b[4] = {x[0], k > 1 ? x[1] : 0, k > 2 ? x[2] : 0, 0};
    put(dst, b, nibbles, &s);
    dst += 6;
  }
  for (; dst < end; dst += 3) {
    *dst = 0;
  }
  begin(first, s, nibbles);
}

/* As widen(), of a pixel of padding alone. */
static void widen_padding(uint32_t *dst, int32_t value, int32_t k, int32_t words, int nibbles) {
  sums s = {0, 0};
  for (int32_t i = 0; i < 2 * words; i += 4) {
    const int32_t b[4] = {i < k ? value : 0, i + 1 < k ? value : 0, i + 2 < k ? value : 0, i + 3 < k ? value : 0};
    put(dst + 6 + i / 2 * 3, b, nibbles, &s);
  }
  begin(dst, s, nibbles);
}

/* All records, from packed constants. */
static void unpack(const tm_conv_2d_i8_nibbles_params *p, const int32_t *bits, int32_t *record) {
  const int32_t more = p->any_sign != 0 ? 0 : 7; /* bits kept below the first rounding, and their half */
  const int32_t half = p->any_sign != 0 ? 0 : 64;
  const int32_t co = p->out.c;
  for (int32_t k = 0; k < co; k += 2, record += RECORD) {
    for (int32_t j = 0; j < 2; ++j) {
      const tm_channel_constants c = tm_unpack_constants(&p->packed, bits, k / 2, j);
      const int32_t shift = c.shift + more;
      int32_t *own = record + 2 + 3 * j;
      record[j] = c.bias * (p->any_sign != 0 ? 2 : 256);
      own[0] = c.mult;
      own[1] = (2 * tm_packed_zero_point(&p->packed) + 1) * (int32_t)((uint32_t)1 << (shift - 1)) + half;
      own[2] = shift;
    }
  }
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
  const int nibbles = p->weight_bits == 4;
  const int point = p->kernel_h == 1 && p->kernel_w == 1;
  run_job *const run = chosen(p);
  const int32_t records = (p->out.c + 1) / 2 * RECORD;
  const int32_t *q = w;
  uint32_t *wide = (uint32_t *)scratch;
  if (p->packed.form != 0) {
    unpack(p, w, (int32_t *)scratch);
    w += tm_packed_words(&p->packed, p->out.c);
    q = (const int32_t *)scratch;
    wide += records;
  } else {
    w += records;
  }
  int8_t *bytes = (int8_t *)(wide + 6 + 3 * words);
  nibble_job job = {units, 0, {y, y, y}, wide, wide + 6 + 3 * words, q, 0, w};
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
        widen_padding(wide + n, p->pad_value, k, words, nibbles);
      } else {
        widen(wide + n, from, k, words, nibbles);
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
      for (int32_t i = 0; i < words + 2; ++i) {
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
