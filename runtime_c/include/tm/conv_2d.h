/*
 * CONV_2D.
 *
 *   acc[oy,ox,co] = bias[co] + sum over ky,kx,ci of x[iy,ix, g*CI + ci] * w[co,ky,kx,ci]     (window.h gives iy, ix)
 *   i8 : y = clamp(requant(acc, mult[co], shift[co]) + out_zero_point, clamp_lo, clamp_hi)
 *   f32: y = clamp(acc, clamp_lo, clamp_hi)
 *
 * x [H,W,C], w [CO,KH,KW,CI] dense, CI = C / groups, output channel co belongs to group g = co / (CO / groups).
 * bias [CO]; for i8 the term -in_zero_point * sum(w[co]) is already folded in, and padding pixels have the value
 * pad_value (the input zero point) in every channel. mult [CO], shift [CO]: see tm_requant.
 *
 * Range: the int32 sum of products does not overflow while KH*KW*CI * 2^14 < 2^31, that is KH*KW*CI < 131,072; bias is
 * added to it modulo 2^32.
 * Alignment: none. Aliasing: y may not overlap x except as the planner proves from window.h's order. Scratch: none.
 * Errors: TM_ERR_ARGUMENT on a null pointer, TM_ERR_SHAPE where in.c % groups or out.c % groups is not 0.
 * Numerics: LiteRT reference_integer_ops::ConvPerChannel, reference_ops::Conv (float sums in ky,kx,ci order).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CONV_2D_H
#define TM_CONV_2D_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_conv_2d_i8_params {
  TM_WINDOW_FIELDS
  int32_t groups;
  int32_t pad_value, out_zero_point;
  int32_t clamp_lo, clamp_hi;
  const int32_t *mult;
  const int8_t *shift;
} tm_conv_2d_i8_params;

typedef struct tm_conv_2d_f32_params {
  TM_WINDOW_FIELDS
  int32_t groups;
  float clamp_lo, clamp_hi;
} tm_conv_2d_f32_params;

tm_status tm_conv_2d_i8(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                        void *scratch);

/* Armv7E-M. groups must be 1 (TM_ERR_SHAPE). Same results and order. */
tm_status tm_conv_2d_i8_dsp(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                            void *scratch);

/*
 * Armv7E-M, in little code. groups must be 1, and KH*KW*CI >= 4 (TM_ERR_SHAPE). Same results; two pixels are computed together, the
 * second of which may be the next row's first: its input is read before the first one's output is written. A lone last channel is
 * written twice. Scratch, aligned to 4: K = KH*KW*CI inputs take 4 * (K rounded down to fours) + 2 * K bytes.
 */
tm_status tm_conv_2d_i8_compact_dsp(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                                    void *scratch);

tm_status tm_conv_2d_f32(const tm_conv_2d_f32_params *p, const float *x, const float *w, const float *bias, float *y,
                         void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_CONV_2D_H */
