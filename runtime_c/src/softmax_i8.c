/* SOFTMAX, int8, portable. Contract: tm/softmax.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/softmax.h"

/*
 * 1 / half for half in [1/2, 1), 31 fractional bits; the result, in (1, 2], has 29. Newton-Raphson from the linear estimate
 * 48/17 - 32/17 * half.
 */
static int32_t reciprocal(int32_t half) {
  int32_t r = 1515870810 + tm_srdhm(half, -1010580540);
  for (int k = 0; k < 3; ++k) {
    r += tm_srdhm(r, ((int32_t)1 << 29) - tm_srdhm(half, r)) * 4;
  }
  return r;
}

static void pixel(const int8_t *x, const int32_t *exp_table, int8_t *y, int32_t depth) {
  int32_t max = x[0];
  for (int32_t c = 1; c < depth; ++c) {
    max = tm_max_i32(max, x[c]);
  }
  /* 19 fractional bits; at least 1, as the largest value contributes that */
  int32_t sum = 0;
  for (int32_t c = 0; c < depth; ++c) {
    sum += tm_rdivpot(exp_table[max - x[c]], 12);
  }
  int32_t shift = 34;
  while (sum < (int32_t)1 << 30) {
    sum *= 2;
    --shift;
  }
  /* from 29 to 31 fractional bits of 1 / (2 half): doubled, saturating */
  const int32_t r = reciprocal(sum);
  const int32_t scale = r >= (int32_t)1 << 30 ? INT32_MAX : r * 2;
  for (int32_t c = 0; c < depth; ++c) {
    const int32_t v = tm_srdhm(exp_table[max - x[c]], scale);
    y[c] = (int8_t)(tm_min_i32(shift > 31 ? 0 : tm_rdivpot(v, shift), 255) - 128);
  }
}

tm_status tm_softmax_i8(const tm_softmax_i8_params *p, const int8_t *x, const int32_t *exp_table, int8_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || exp_table == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.h != p->out.h || p->in.w != p->out.w || p->in.c != p->out.c || p->in.c < 1 || p->in.c > 4095) {
    return TM_ERR_SHAPE;
  }
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int8_t *in = x + tm_row_offset(&p->in, row);
    int8_t *out = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < p->out.w; ++k) {
      pixel(in + (ptrdiff_t)k * p->in.px_stride, exp_table, out + (ptrdiff_t)k * p->out.px_stride, p->in.c);
    }
  }
  return TM_OK;
}
