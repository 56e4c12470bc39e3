/*
 * MAX_POOL_2D for Armv7E-M, four channels in a word. Params, formula, results, order, aliasing and errors: tm/max_pool_2d.h;
 * TM_ERR_SHAPE also where C < 4. Channels of a pixel ascend, up to three are written twice.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MAX_POOL_2D_DSP_H
#define TM_MAX_POOL_2D_DSP_H

#include "tm/max_pool_2d.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_max_pool_2d_i8_dsp(const tm_max_pool_2d_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MAX_POOL_2D_DSP_H */
