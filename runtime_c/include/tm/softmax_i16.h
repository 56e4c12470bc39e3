/*
 * SOFTMAX of int16 values over the channels: y[c] = exp(beta * (x[c] - max)) / sum, in 1/32768.
 *
 *   d = requant(x[c] - max, mult, shift), at least -65535 and at most 0, + 32767      -65535..0 stands for -10..0
 *   e[c] = look_up(d, exp_table), 15 fractional bits; s = sum of e
 *   r = look_up(s shifted to 1..2, less 1, as -32768..32767; one_over_table)
 *   y[c] = e[c] * r, shifted back, rounded, at most 32767
 *
 * look_up interpolates linearly between the 513 entries of a table, one per 128 steps. x and y have the same extent; at most 4095
 * channels. Input zero point any, output scale 1/32768 and zero point 0. mult, shift: beta * input scale * 6553.5, see tm_requant.
 *
 * Order: pixels ascend, all reads of a pixel of x for its maximum precede its first write; y[c] is then written after x[c] was read,
 * and holds e[c] until the sum is known. Aliasing: y may be x, or lie below it, as in elementwise.h. Alignment: int16's. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where extents differ or there are too many channels.
 * Numerics: LiteRT reference_ops::SoftmaxInt16.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_SOFTMAX_I16_H
#define TM_SOFTMAX_I16_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_softmax_i16_params {
  tm_geom in, out;
  int32_t mult, shift;
  const int16_t *exp_table, *one_over_table; /* 513 entries each */
} tm_softmax_i16_params;

tm_status tm_softmax_i16(const tm_softmax_i16_params *p, const int16_t *x, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_SOFTMAX_I16_H */
