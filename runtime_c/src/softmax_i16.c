/* SOFTMAX, int16, portable. Contract: tm/softmax_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/softmax_i16.h"

/* Between the entries for the multiples of 128; -32768 <= v <= 32767. Source: LiteRT common.h, LUTLookup. */
static int32_t look_up(int32_t v, const int16_t *table) {
  const int16_t *at = table + ((v + 32768) >> 7);
  const int32_t slope = at[1] - at[0];
  return (int16_t)(at[0] + ((slope * (v & 0x7f) + 64) >> 7));
}

static void pixel(const tm_softmax_i16_params *p, const int16_t *x, int16_t *y) {
  const int32_t depth = p->in.c;
  int32_t max = x[0];
  for (int32_t c = 1; c < depth; ++c) {
    max = tm_max_i32(max, x[c]);
  }
  int32_t sum = 0;
  for (int32_t c = 0; c < depth; ++c) {
    const int32_t d = tm_requant(x[c] - max, p->mult, p->shift);
    y[c] = (int16_t)look_up(tm_clamp_i32(d, -65535, 0) + 32767, p->exp_table);
    sum += y[c];
  }
  int32_t shift = 31; /* of the most significant bit that is set: the largest value contributes 1 */
  while (((uint32_t)sum >> shift) == 0u) {
    --shift;
  }
  const int32_t scaled = (int32_t)((((int64_t)sum << (30 - shift)) + (1 << 13)) >> 14);
  const int32_t r = look_up(tm_clamp_i32(scaled - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX), p->one_over_table);
  for (int32_t c = 0; c < depth; ++c) {
    const int64_t v = ((int64_t)y[c] * r + ((int64_t)1 << (shift - 1))) >> shift;
    y[c] = (int16_t)tm_clamp_i32((int32_t)v, 0, INT16_MAX);
  }
}

tm_status tm_softmax_i16(const tm_softmax_i16_params *p, const int16_t *x, int16_t *y, void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || y == NULL || p->exp_table == NULL || p->one_over_table == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.h != p->out.h || p->in.w != p->out.w || p->in.c != p->out.c || p->in.c < 1 || p->in.c > 4095) {
    return TM_ERR_SHAPE;
  }
  for (int32_t row = 0; row < p->out.h; ++row) {
    const int16_t *in = x + tm_row_offset(&p->in, row);
    int16_t *out = y + tm_row_offset(&p->out, row);
    for (int32_t k = 0; k < p->out.w; ++k) {
      pixel(p, in + (ptrdiff_t)k * p->in.px_stride, out + (ptrdiff_t)k * p->out.px_stride);
    }
  }
  return TM_OK;
}
