/*
 * RESIZE_BILINEAR of int16 values: the formula of resize_bilinear.h for i8, with sums of 64 bits.
 *
 * x [H,W,C], y [OH,OW,C]. Params, ranges, order, aliasing and errors are those of tm_resize_bilinear_i8; sums in units of 2^-20 are
 * below 2^36. Alignment: int16's. Scratch: none.
 * Numerics: LiteRT reference_ops::ResizeBilinearInteger of int16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RESIZE_BILINEAR_I16_H
#define TM_RESIZE_BILINEAR_I16_H

#include "tm/resize_bilinear.h"

#ifdef __cplusplus
extern "C" {
#endif

tm_status tm_resize_bilinear_i16(const tm_resize_bilinear_i8_params *p, const int16_t *x, int16_t *y);

#ifdef __cplusplus
}
#endif

#endif /* TM_RESIZE_BILINEAR_I16_H */
