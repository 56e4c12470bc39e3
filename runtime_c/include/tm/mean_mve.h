/*
 * MEAN on Armv8.1-M with the vector extension for integers (Helium), eight channels together. Params, formula and results:
 * tm/mean.h; reduce_c must be 0, out_c_stride 1 (of one channel, any), mult >= 0 and -31 <= shift <= -1, else TM_ERR_SHAPE.
 *
 * Order and aliasing: tm/mean.h, with up to eight channels read together before they are written. Alignment: none. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MEAN_MVE_H
#define TM_MEAN_MVE_H

#include "tm/mean.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_mean_i8_mve(const tm_mean_i8_params *p, const int8_t *x, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MEAN_MVE_H */
