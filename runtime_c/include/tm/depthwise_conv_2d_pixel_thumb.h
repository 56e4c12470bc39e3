/*
 * DEPTHWISE_CONV_2D with multiplier 1 for Armv6-M and Armv7-M without DSP instructions. Params, layout of w, results, range, scratch,
 * order, aliasing and errors: tm/depthwise_conv_2d_pixel.h.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_DEPTHWISE_CONV_2D_PIXEL_THUMB_H
#define TM_DEPTHWISE_CONV_2D_PIXEL_THUMB_H

#include "tm/depthwise_conv_2d_pixel.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_depthwise_conv_2d_i8_pixel_thumb(const tm_depthwise_conv_2d_i8_pixel_params *p, const int8_t *x, const int32_t *w,
                                              int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_DEPTHWISE_CONV_2D_PIXEL_THUMB_H */
