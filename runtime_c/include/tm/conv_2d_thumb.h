/*
 * CONV_2D with groups == 1 for cores of the Armv6-M and Armv7-M architectures without DSP instructions: two output channels share
 * each input. Params, formula, results, range, order, aliasing and errors: tm/conv_2d.h; TM_ERR_SHAPE where groups is not 1.
 * Scratch: KH * KW * CI bytes, no alignment.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_THUMB_H
#define TM_CONV_2D_THUMB_H

#include "tm/conv_2d.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_conv_2d_i8_thumb(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                              void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_THUMB_H */
