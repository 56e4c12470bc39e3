/*
 * MEAN over rows, columns or both of values of 8, 4 or 2 bits: tm/mean.h's sums, requantised to the output's scale and width.
 *
 *   y = clamp(requant(sum + offset, mult, shift) + out_zero_point, clamp_lo, clamp_hi), packed (tm/packed.h)
 *
 * The output pixel for input pixel (h,w) begins at byte h*out_h_stride + w*out_w_stride of y; averaged dimensions count as 0.
 * Range: as tm/mean.h. Alignment: none. Scratch: 5 * c bytes, aligned to 4.
 * Order: output pixels ascend, each written after its last read. Aliasing, errors: tm/mean.h's, and TM_ERR_SHAPE where the geometry's
 * c is not the bytes of the channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MEAN_PACKED_H
#define TM_MEAN_PACKED_H

#include "tm/packed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tm_mean_packed_params {
  tm_geom in; /* c in bytes */
  int32_t out_h_stride, out_w_stride;
  int32_t reduce_h, reduce_w;
  int32_t c;
  int32_t in_bits, out_bits;
  int32_t offset, mult, shift, out_zero_point;
  int32_t clamp_lo, clamp_hi;
} tm_mean_packed_params;

tm_status tm_mean_packed(const tm_mean_packed_params *p, const void *x, void *y, void *scratch);

#ifdef __cplusplus
}
#endif

#endif /* TM_MEAN_PACKED_H */
