/* Strided fill of 1-byte elements. Contract: tm/fill_nd.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/fill_nd.h"

tm_status tm_fill_nd_b1(const tm_fill_nd_params *p, void *y) {
  if (p == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t d = 0; d < TM_ND_RANK; ++d) {
    if (p->dims[d] < 1) {
      return TM_ERR_SHAPE;
    }
  }
  const int32_t *out = p->out_stride;
  const uint8_t value = (uint8_t)((uint32_t)p->value & 0xffu);
  for (int32_t a = 0; a < p->dims[0]; ++a) {
    for (int32_t b = 0; b < p->dims[1]; ++b) {
      for (int32_t c = 0; c < p->dims[2]; ++c) {
        uint8_t *dst = (uint8_t *)y + (ptrdiff_t)a * out[0] + (ptrdiff_t)b * out[1] + (ptrdiff_t)c * out[2];
        for (int32_t d = 0; d < p->dims[3]; ++d) {
          for (int32_t e = 0; e < p->dims[4]; ++e) {
            dst[(ptrdiff_t)d * out[3] + (ptrdiff_t)e * out[4]] = value;
          }
        }
      }
    }
  }
  return TM_OK;
}
