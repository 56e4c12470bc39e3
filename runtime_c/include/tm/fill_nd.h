/*
 * Fill of a box of elements: the border that PAD and PADV2 write.
 *
 *   y[sum_d i[d] * out_stride[d]] = value     for all 0 <= i[d] < dims[d], d = 0..4
 *
 * dims outermost first, each >= 1; loops that are not needed come first, with dims 1. Strides in elements. The element size is
 * in the name: b1 writes the low byte of value, b2 its low 16 bits, b4 its 32 bits (for float32 the bit pattern of the number).
 *
 * Order: i ascends lexicographically; nothing is read. Alignment: b2 and b4 need y aligned to 2 and 4 bytes. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE on an extent below 1.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FILL_ND_H
#define TM_FILL_ND_H

#include "tm/base.h"
#include "tm/copy_nd.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_fill_nd_params {
  int32_t dims[TM_ND_RANK];
  int32_t out_stride[TM_ND_RANK];
  int32_t value;
} tm_fill_nd_params;

tm_status tm_fill_nd_b1(const tm_fill_nd_params *p, void *y);
tm_status tm_fill_nd_b2(const tm_fill_nd_params *p, void *y);
tm_status tm_fill_nd_b4(const tm_fill_nd_params *p, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_FILL_ND_H */
