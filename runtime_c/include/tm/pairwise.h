/*
 * What the ISA variants of ADD, SUB and MUL share where no channel is repeated: how they walk the rows of both operands.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIRWISE_H
#define TM_PAIRWISE_H

#include "tm/elementwise.h"

/*
 * Ends a kernel whose own checks have passed: makes all outputs from the operands x0 and x1, row by row, in runs as long as the
 * pixels of all three touch; run(params, a, b, y, n) makes the next n. params: a pointer to a struct with the geometries a, b and
 * out, of the same extent, else TM_ERR_SHAPE; a stride of 0 repeats a row or a pixel.
 *
 * A macro, because every kernel has params of its own, and a run that gcc shall inline where it sees fit: through a function
 * with a pointer to it, the RISC-V kernels were 3 % larger.
 */
#define TM_PAIRWISE_ROWS(params, x0, x1, to, run)                                                                \
  do {                                                                                                           \
    if (!tm_same_extent(&(params)->a, &(params)->out) || !tm_same_extent(&(params)->b, &(params)->out)) {        \
      return TM_ERR_SHAPE;                                                                                       \
    }                                                                                                            \
    const int32_t c = (params)->out.c;                                                                           \
    const int joined = (params)->a.px_stride == c && (params)->b.px_stride == c && (params)->out.px_stride == c; \
    const int32_t count = joined ? 1 : (params)->out.w;                                                          \
    const int32_t len = joined ? (params)->out.w * c : c;                                                        \
    for (int32_t row = 0; row < (params)->out.h; ++row) {                                                        \
      const int8_t *a_row = (x0) + tm_row_offset(&(params)->a, row);                                             \
      const int8_t *b_row = (x1) + tm_row_offset(&(params)->b, row);                                             \
      int8_t *y_row = (to) + tm_row_offset(&(params)->out, row);                                                 \
      for (int32_t k = 0; k < count; ++k) {                                                                      \
        run((params), a_row, b_row, y_row, len);                                                                 \
        a_row += (params)->a.px_stride;                                                                          \
        b_row += (params)->b.px_stride;                                                                          \
        y_row += (params)->out.px_stride;                                                                        \
      }                                                                                                          \
    }                                                                                                            \
    return TM_OK;                                                                                                \
  } while (0)

#endif /* TM_PAIRWISE_H */
