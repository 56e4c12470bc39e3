/*
 * Copy of a box of elements between two strided layouts: all pure data movement (CONCATENATION, EXPAND_DIMS, PAD, RESHAPE,
 * SLICE, SPLIT, SQUEEZE, STRIDED_SLICE, TRANSPOSE) is one or several of these.
 *
 *   y[sum_d i[d] * out_stride[d]] = x[sum_d i[d] * in_stride[d]]     for all 0 <= i[d] < dims[d], d = 0..4
 *
 * dims outermost first, each >= 1; loops that are not needed come first, with dims 1. Strides in elements; in_stride may be
 * 0 (repeat) or negative (reverse; x then points to the element of i == 0), out_stride may be negative, and 0 only where
 * dims is 1. The element size is in the name: b1, b2 and b4 move elements of 1, 2 and 4 bytes.
 *
 * Order: i ascends lexicographically, so rows of the output are written from first to last, each row's reads before the
 * first write of the next. Where both innermost strides are 1 a run of dims[4] elements moves as if through a buffer. y may
 * overlap x, or be x, where no element is overwritten that this order reads later.
 * Alignment: b2 and b4 need x and y aligned to 2 and 4 bytes. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE on an extent below 1.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_COPY_ND_H
#define TM_COPY_ND_H

#include "tm/base.h"

#define TM_ND_RANK 5

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_copy_nd_params {
  int32_t dims[TM_ND_RANK];
  int32_t in_stride[TM_ND_RANK];
  int32_t out_stride[TM_ND_RANK];
} tm_copy_nd_params;

tm_status tm_copy_nd_b1(const tm_copy_nd_params *p, const void *x, void *y);
tm_status tm_copy_nd_b2(const tm_copy_nd_params *p, const void *x, void *y);
tm_status tm_copy_nd_b4(const tm_copy_nd_params *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_COPY_ND_H */
