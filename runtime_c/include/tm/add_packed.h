/*
 * ADD and SUB of tensors of the same shape with 8, 4 or 2 bits each: rows are widened to int8, tm_add_i8 (tm/add.h) runs on one row, and its
 * outputs are packed (tm/packed.h). Input and output widths are independent of each other.
 *
 * Scratch: tm_packed_rows_bytes of each packed operand, one row of out.w * c bytes rounded up to fours; aligned to 4.
 * Order: rows ascend, a row of both operands is read before the output's row is written. Aliasing: y may be an operand of the
 * same geometry and width, or lie below it as tm/elementwise.h says. Alignment of the operands: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where the geometries do not have the same pixels, or c bytes.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_ADD_PACKED_H
#define TM_ADD_PACKED_H

#include "tm/add.h"
#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_add_packed_params {
  tm_geom a, b, out; /* c in bytes */
  int32_t c;
  int32_t a_bits, b_bits, out_bits;
  int32_t clamp_lo, clamp_hi;
  tm_add_i8_params inner; /* its geometries are not read */
} tm_add_packed_params;

tm_status tm_add_packed(const tm_add_packed_params *p, const void *a, const void *b, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_ADD_PACKED_H */
