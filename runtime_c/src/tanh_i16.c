/* TANH, int16, portable. Contract: tm/tanh_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/tanh_i16.h"

#include "tm/sigmoid_i16.h"

static int16_t one(const tm_tanh_i16_params *p, int32_t x, const uint16_t *table) {
  const int32_t at = tm_sigmoid_at(x, p->mult, p->shift);
  const uint32_t size = tm_abs_u32(at);
  const int32_t high = (size >> 8) >= (uint32_t)TM_SIGMOID_LAST ? INT32_C(0xffff) << 8 : tm_sigmoid_between(size, 8, table);
  const int32_t above = high - (INT32_C(1) << 23); /* of a half; not negative */
  return (int16_t)((at >= 0 ? above + 128 : 127 - above) >> 8);
}

tm_status tm_tanh_i16(const tm_tanh_i16_params *p, const int16_t *x, const uint16_t *table, int16_t *y, void *scratch) {
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
