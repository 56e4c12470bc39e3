/* RESIZE_BILINEAR, int16. Contract: tm/resize_bilinear_i16.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/resize_bilinear_i16.h"

#include "tm/resize_span.h"

/* x / 2^20, halves away from zero */
static int16_t round20(int64_t x) {
  const int64_t half = (int64_t)1 << 19;
  return (int16_t)(x < 0 ? -((half - x) >> 20) : (x + half) >> 20);
}

tm_status tm_resize_bilinear_i16(const tm_resize_bilinear_i8_params *p, const int16_t *x, int16_t *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (!tm_resize_bilinear_fits(p)) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const tm_span sy = tm_span_at(p->out_y0 + oy, p->scale_y, p->offset_y, p->layer_h);
    const int16_t *top = x + tm_row_offset(&p->in, sy.first - p->in_y0);
    const int16_t *bottom = x + tm_row_offset(&p->in, sy.last - p->in_y0);
    int16_t *dst = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const tm_span sx = tm_span_at(p->out_x0 + ox, p->scale_x, p->offset_x, p->layer_w);
      const ptrdiff_t left = (ptrdiff_t)(sx.first - p->in_x0) * p->in.px_stride;
      const ptrdiff_t right = (ptrdiff_t)(sx.last - p->in_x0) * p->in.px_stride;
      /* the four weights add up to 2^20 */
      const int32_t w11 = sy.weight * sx.weight;
      const int32_t w10 = sy.weight * 1024 - w11;
      const int32_t w01 = sx.weight * 1024 - w11;
      const int32_t w00 = ((int32_t)1 << 20) - w01 - w10 - w11;
      for (int32_t c = 0; c < p->out.c; ++c) {
        const int64_t above = (int64_t)top[left + c] * w00 + (int64_t)top[right + c] * w01;
        const int64_t below = (int64_t)bottom[left + c] * w10 + (int64_t)bottom[right + c] * w11;
        dst[c] = round20(above + below);
      }
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
