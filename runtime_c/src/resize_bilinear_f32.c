/* RESIZE_BILINEAR, float32. Contract: tm/resize_bilinear.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/resize_bilinear.h"

static int32_t last_of(const int16_t *first, const float *weight, int32_t v) {
  return first[v] + (weight[v] > 0.0f ? 1 : 0);
}

tm_status tm_resize_bilinear_f32(const tm_resize_bilinear_f32_params *p, const float *x, float *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c != p->out.c || p->out.h < 1 || p->out.w < 1) {
    return TM_ERR_SHAPE;
  }
  const int32_t y_end = p->out_y0 + p->out.h - 1;
  const int32_t x_end = p->out_x0 + p->out.w - 1;
  if (!tm_resize_holds(p->in_y0, p->in.h, p->rows[p->out_y0], last_of(p->rows, p->row_weight, y_end)) ||
      !tm_resize_holds(p->in_x0, p->in.w, p->cols[p->out_x0], last_of(p->cols, p->col_weight, x_end))) {
    return TM_ERR_SHAPE;
  }
  for (int32_t oy = p->out_y0; oy <= y_end; ++oy) {
    const float fy = p->row_weight[oy];
    const float *top = x + tm_row_offset(&p->in, p->rows[oy] - p->in_y0);
    const float *bottom = x + tm_row_offset(&p->in, last_of(p->rows, p->row_weight, oy) - p->in_y0);
    float *dst = y + tm_row_offset(&p->out, oy - p->out_y0);
    for (int32_t ox = p->out_x0; ox <= x_end; ++ox) {
      const float fx = p->col_weight[ox];
      const ptrdiff_t left = (ptrdiff_t)(p->cols[ox] - p->in_x0) * p->in.px_stride;
      const ptrdiff_t right = (ptrdiff_t)(last_of(p->cols, p->col_weight, ox) - p->in_x0) * p->in.px_stride;
      for (int32_t c = 0; c < p->out.c; ++c) {
        const float a = top[left + c] * (1.0f - fy) + bottom[left + c] * fy;
        const float b = top[right + c] * (1.0f - fy) + bottom[right + c] * fy;
        dst[c] = a * (1.0f - fx) + b * fx;
      }
      dst += p->out.px_stride;
    }
  }
  return TM_OK;
}
