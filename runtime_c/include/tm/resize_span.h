/*
 * RESIZE_BILINEAR, int8: which rows and columns an output lies between, for the kernels of tm/resize_bilinear.h.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_SPAN_H
#define TM_RESIZE_SPAN_H

#include "tm/resize_bilinear.h"

/* Two neighbouring rows or columns of the layer and the weight of the second, in 1/1024. */
typedef struct tm_span {
  int32_t first, last;
  int32_t weight;
} tm_span;

static inline tm_span tm_span_at(int32_t v, int32_t scale, int32_t offset, int32_t extent) {
  const int32_t u = tm_max_i32(v * scale + offset, 0);
  tm_span s;
  s.first = u >> 10;
  s.weight = s.first < extent - 1 ? u & 1023 : 0;
  s.last = s.first + (s.weight != 0 ? 1 : 0);
  return s;
}

/* Whether the rows or columns v0 .. v0 + count - 1 read only such as lie in a view of n of them that begins at `from`. */
static inline int tm_spans_held(int32_t from, int32_t n, int32_t v0, int32_t count, int32_t scale, int32_t offset,
                                int32_t extent) {
  const tm_span first = tm_span_at(v0, scale, offset, extent);
  const tm_span last = tm_span_at(v0 + count - 1, scale, offset, extent);
  return count > 0 && tm_resize_holds(from, n, first.first, last.last);
}

/* Whether the geometries belong together. */
static inline int tm_resize_bilinear_fits(const tm_resize_bilinear_i8_params *p) {
  return p->in.c == p->out.c && tm_spans_held(p->in_y0, p->in.h, p->out_y0, p->out.h, p->scale_y, p->offset_y, p->layer_h) &&
         tm_spans_held(p->in_x0, p->in.w, p->out_x0, p->out.w, p->scale_x, p->offset_x, p->layer_w);
}

#endif /* TM_RESIZE_SPAN_H */
