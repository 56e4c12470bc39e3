/*
 * ADD and SUB, packed operands, portable. Contract: tm/add_packed.h.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/add_packed.h"

/* Row `row` of an operand as int8, widened to *at where it is packed, which then moves behind it. */
static const int8_t *operand(const tm_geom *g, const void *data, int32_t row, int32_t c, int32_t bits, int8_t **at, tm_geom *view) {
  const uint8_t *src = (const uint8_t *)data + tm_row_offset(g, row);
  const tm_geom dense = {1, g->w, c, g->w * c, c, 0, 0};
  *view = dense;
  if (bits == 8) {
    view->px_stride = g->px_stride;
    view->row_stride = g->row_stride;
    return (const int8_t *)src;
  }
  int8_t *dst = *at;
  tm_unpack_row(dst, src, g->w, c, g->px_stride, bits);
  *at += tm_round_up_4(g->w * c);
  return dst;
}

tm_status tm_add_packed(const tm_add_packed_params *p, const void *a, const void *b, void *y, void *scratch) {
  if (p == NULL || a == NULL || b == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const tm_geom *out = &p->out;
  if (!tm_packed_ok(&p->a, p->c, p->a_bits) || !tm_packed_ok(&p->b, p->c, p->b_bits) || !tm_packed_ok(out, p->c, p->out_bits) ||
      p->a.h != out->h || p->b.h != out->h || p->a.w != out->w || p->b.w != out->w) {
    return TM_ERR_SHAPE;
  }
  tm_add_i8_params inner = p->inner;
  tm_status status = TM_OK;
  for (int32_t row = 0; status == TM_OK && row < out->h; ++row) {
    int8_t *at = (int8_t *)scratch;
    uint8_t *to = (uint8_t *)y + tm_row_offset(out, row);
    const tm_geom dense = {1, out->w, p->c, out->w * p->c, p->c, 0, 0};
    const int8_t *qa = operand(&p->a, a, row, p->c, p->a_bits, &at, &inner.a);
    const int8_t *qb = operand(&p->b, b, row, p->c, p->b_bits, &at, &inner.b);
    inner.out = dense;
    if (p->out_bits == 8) {
      inner.out.px_stride = out->px_stride;
      inner.out.row_stride = out->row_stride;
      at = (int8_t *)to;
    }
    status = tm_add_i8(&inner, qa, qb, at, NULL);
    if (p->out_bits != 8) {
      tm_pack_row(to, at, out->w, p->c, out->px_stride, p->out_bits, p->clamp_lo, p->clamp_hi);
    }
  }
  return status;
}
