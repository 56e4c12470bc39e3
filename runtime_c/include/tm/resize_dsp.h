/*
 * RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR for Armv7E-M. Params, formulas, results, ranges, order, aliasing and errors:
 * tm/resize_bilinear.h, tm/resize_nearest_neighbor.h; bilinear TM_ERR_SHAPE also where C < 4, and up to three channels of a pixel are
 * written twice.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_DSP_H
#define TM_RESIZE_DSP_H

#include "tm/resize_bilinear.h"
#include "tm/resize_nearest_neighbor.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_resize_bilinear_i8_dsp(const tm_resize_bilinear_i8_params *p, const int8_t *x, int8_t *y);
tm_status tm_resize_nearest_neighbor_b1_dsp(const tm_resize_nearest_neighbor_params *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_DSP_H */
