/* LOGISTIC, int16, portable. Contract: tm/logistic_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/logistic_i16.h"

#include "tm/sigmoid_i16.h"

static int16_t one(const tm_logistic_i16_params *p, int32_t x, const uint16_t *table) {
  const int32_t at = tm_sigmoid_at(x, p->mult, p->shift);
  const uint32_t size = tm_abs_u32(at);
  const int32_t high = (size >> 9) >= (uint32_t)TM_SIGMOID_LAST ? INT32_C(0x7fff) << 10 : tm_sigmoid_between(size, 9, table);
  return (int16_t)((at >= 0 ? high + 512 : (INT32_C(1) << 25) - high + 511) >> 10);
}

tm_status tm_logistic_i16(const tm_logistic_i16_params *p, const int16_t *x, const uint16_t *table, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || table == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_same_extent(&p->in, &p->out) || p->mult < 1 || p->mult > 65535 || p->shift < 0 || p->shift > 31) {
    return TM_ERR_SHAPE;
  }
  const tm_runs runs = tm_runs_of(&p->in, &p->out);
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int16_t *in_row = x + tm_row_offset(&p->in, row);
    int16_t *out_row = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < runs.count; ++k) {
      const int16_t *in = in_row + (ptrdiff_t)k * p->in.px_stride;
      int16_t *out = out_row + (ptrdiff_t)k * p->out.px_stride;
      for (int32_t i = 0; i < runs.len; ++i) {
        out[i] = one(p, in[i], table);
      }
    }
  }
  return TM_OK;
}
