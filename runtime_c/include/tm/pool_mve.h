/*
 * AVERAGE_POOL_2D and MAX_POOL_2D on Armv8.1-M with the vector extension for integers (Helium): eight and sixteen channels
 * together. Params, formulas, results, order and errors: tm/average_pool_2d.h, tm/max_pool_2d.h; averages of at most 255 pixels,
 * else TM_ERR_SHAPE. Scratch: none.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_POOL_MVE_H
#define TM_POOL_MVE_H

#include "tm/average_pool_2d.h"
#include "tm/max_pool_2d.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_average_pool_2d_i8_mve(const tm_average_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch);
tm_status tm_max_pool_2d_i8_mve(const tm_max_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_POOL_MVE_H */
