/*
 * RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR for Armv8.1-M with Helium. Params, formulas, results, ranges, order, aliasing and errors:
 * tm/resize_bilinear.h, tm/resize_nearest_neighbor.h.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_MVE_H
#define TM_RESIZE_MVE_H

#include "tm/resize_bilinear.h"
#include "tm/resize_nearest_neighbor.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_resize_bilinear_i8_mve(const tm_resize_bilinear_i8_params *p, const int8_t *x, int8_t *y);
tm_status tm_resize_nearest_neighbor_b1_mve(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_MVE_H */
