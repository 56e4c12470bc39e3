/*
 * ADD, SUB and MUL of two int8 tensors on Armv8.1-M with the vector extension for integers (Helium), four elements together.
 * Params, formula, results: tm/add.h and tm/mul.h, with these limits, else TM_ERR_SHAPE:
 *
 * a, b and y have the same h, w and c (a stride of 0 repeats a row or a pixel); out_shift <= -1, and for ADD a_shift <= 0,
 * where 0 comes with a_mult == 2^30 or -2^30 only.
 *
 * Order: tm/elementwise.h, with four elements read together before they are written. Aliasing: as there. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIRWISE_MVE_H
#define TM_PAIRWISE_MVE_H

#include "tm/add.h"
#include "tm/mul.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_add_i8_mve(const tm_add_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch);
tm_status tm_mul_i8_mve(const tm_mul_i8_params *p, const int8_t *a, const int8_t *b, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_PAIRWISE_MVE_H */
