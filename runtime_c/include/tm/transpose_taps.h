/*
 * Which taps of a transposed convolution reach an output pixel, along one axis: every stride-th one.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TRANSPOSE_TAPS_H
#define TM_TRANSPOSE_TAPS_H

#include "tm/base.h"

/* First kernel index k >= 0 with (at - k) divisible by stride > 0; at may be negative. */
static inline int32_t tm_first_tap(int32_t at, int32_t stride) {
  const int32_t r = at % stride;
  return r < 0 ? r + stride : r;
}

#endif /* TM_TRANSPOSE_TAPS_H */
