/*
 * RESIZE_BILINEAR.
 *
 * Output row v lies between input rows i and i+1, with weight f in [0,1) on the second (columns likewise):
 *
 *   y[oy,ox,c] = (x[iy,ix] (1-fy) + x[iy+1,ix] fy) (1-fx) + (x[iy,ix+1] (1-fy) + x[iy+1,ix+1] fy) fx
 *
 *   i8 : position u = v * scale + offset in 1/1024; i = max(u, 0) >> 10, f = the low 10 bits (0 where u < 0, or i is the
 *        last row or column of the layer: layer_h - 1, layer_w - 1); the sum, in units of 2^-20, is rounded, halves away from 0
 *   f32: i = rows[v] or cols[v], f = row_weight[v] or col_weight[v], tables for the whole layer
 *
 * x [H,W,C], y [OH,OW,C]; v are layer coordinates (tm/resize.h). Where f is 0 the second row or column is not read.
 * Range: H, W, OH, OW <= 32767, u < 1024 * H (W); i8 sums are below 2^28. Alignment: f32 as its type. Aliasing: y may not
 * overlap x except as the planner proves from the order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where in.c != out.c or `in` lacks a row or column.
 * Numerics: LiteRT reference_ops::ResizeBilinearInteger and ResizeBilinear.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_BILINEAR_H
#define TM_RESIZE_BILINEAR_H

#include "tm/resize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_resize_bilinear_i8_params {
  TM_RESIZE_FIELDS
  int32_t layer_h, layer_w;
  int32_t scale_y, scale_x;
  int32_t offset_y, offset_x;
} tm_resize_bilinear_i8_params;

typedef struct tm_resize_bilinear_f32_params {
  TM_RESIZE_FIELDS
  const int16_t *rows;
  const int16_t *cols;
  const float *row_weight;
  const float *col_weight;
} tm_resize_bilinear_f32_params;

tm_status tm_resize_bilinear_i8(const tm_resize_bilinear_i8_params *p, const int8_t *x, int8_t *y);
tm_status tm_resize_bilinear_f32(const tm_resize_bilinear_f32_params *p, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_BILINEAR_H */
