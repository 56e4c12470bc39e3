/*
 * SOFTMAX, int8, portable: exponentials are computed, twice each, instead of read from a table of 1 KiB. Contract: tm/softmax.h.
 * Source: gemmlowp fixedpoint.h, exp_on_negative_values.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/softmax.h"
#include "tm/softmax_scale.h"

enum { QUARTER = 1 << 24 }; /* 1/4 with 26 fractional bits */

/* exp(a / 2^26) * 2^31 for -2^31 <= a < 0. */
static int32_t exp_fixed(int32_t a) {
  /* exp(-1/4), exp(-1/2), exp(-1), ..., exp(-16) */
  static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const int32_t part = (a & (QUARTER - 1)) - QUARTER; /* -1/4 <= part < 0 */
  const int32_t at = 1895147668;                      /* exp(-1/8): a Taylor polynomial around it */
  const int32_t x = part * 32 + (1 << 28);
  const int32_t x2 = tm_srdhm(x, x);
  const int32_t x4 = tm_srdhm(x2, x2);
  const int32_t third = tm_srdhm(tm_rdivpot(x4, 2) + tm_srdhm(x2, x), 715827883);
  int32_t out = at + tm_srdhm(x + tm_rdivpot(third + x2, 1), at);
  uint32_t rest = (uint32_t)(part - a) / QUARTER;
  for (const int32_t *f = factors; rest != 0; rest /= 2u, ++f) {
    if ((rest & 1u) != 0) {
      out = tm_srdhm(out, *f);
    }
  }
  return out;
}

/* Of a value that is `below` less than the largest one. */
static int32_t exponential(const tm_softmax_i8_exp_params *p, int32_t below) {
  if (below == 0) {
    return INT32_MAX;
  }
  return below > p->radius ? 0 : exp_fixed(tm_srdhm(-below * ((int32_t)1 << p->left), p->mult));
}

tm_status tm_softmax_i8_exp(const tm_softmax_i8_exp_params *p, const int8_t *x, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t depth = p->in.c;
  if (p->in.h != p->out.h || p->in.w != p->out.w || depth != p->out.c || depth < 1 || depth > 4095) {
    return TM_ERR_SHAPE;
  }
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *in = x + tm_row_offset(&p->in, row);
    int8_t *out = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < p->out.w; ++k, in += p->in.px_stride, out += p->out.px_stride) {
      const int32_t max = tm_softmax_max(in, depth);
      int32_t sum = 0;
      for (int32_t c = 0; c < depth; ++c) {
        sum += tm_rdivpot(exponential(p, max - in[c]), 12);
      }
      const tm_softmax_scale scale = tm_softmax_reciprocal(sum);
      for (int32_t c = 0; c < depth; ++c) {
        out[c] = tm_softmax_output(exponential(p, max - in[c]), scale);
      }
    }
  }
  return TM_OK;
}
