/* SOFTMAX, int8, portable. Contract: tm/softmax.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/softmax.h"

#include "tm/softmax_scale.h"

static void pixel(const int8_t *x, const int32_t *exp_table, int8_t *y, int32_t depth) {
  const int32_t max = tm_softmax_max(x, depth);
  int32_t sum = 0;
  for (int32_t c = 0; c < depth; ++c) {
    sum += tm_rdivpot(exp_table[max - x[c]], 12);
  }
  const tm_softmax_scale scale = tm_softmax_reciprocal(sum);
  for (int32_t c = 0; c < depth; ++c) {
    y[c] = tm_softmax_output(exp_table[max - x[c]], scale);
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
