/*
 * The leading fields shared by the params of every sliding-window kernel.
 *
 * Output pixel (oy,ox) reads input pixels (oy*stride_h - pad_top + ky*dilation_h, ox*stride_w - pad_left + kx*dilation_w),
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w. Pixels outside [0,in.h) x [0,in.w) are padding: bottom and right padding follow
 * from in.h and in.w. `in` and `out` may describe any rectangle of the layer (a window, a strip, a patch), then pad_top
 * and pad_left are that rectangle's own; they may be negative where the rectangle starts inside `in`.
 *
 * Order, a contract the planner relies on: output rows are produced in ascending order, pixels of a row from left to right.
 * All reads for output row y precede the first write of row y+1, and no row above the first one that row y needs is read
 * once row y has begun.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_WINDOW_H
#define TM_WINDOW_H

#include "tm/base.h"

#define TM_WINDOW_FIELDS          \
  tm_geom in, out;                \
  int32_t kernel_h, kernel_w;     \
  int32_t stride_h, stride_w;     \
  int32_t dilation_h, dilation_w; \
  int32_t pad_top, pad_left;

#endif /* TM_WINDOW_H */
