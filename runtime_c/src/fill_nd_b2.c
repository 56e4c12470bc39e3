/* Strided fill of 2-byte elements. Contract: tm/fill_nd.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/fill_nd.h"

/* elements may be of any 2-byte type: this one may alias them */
#if defined(__GNUC__)
typedef uint16_t __attribute__((may_alias)) half;
#else
typedef uint16_t half;
#endif

tm_status tm_fill_nd_b2(const tm_fill_nd_params *p, void *y) {
  if (p == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t d = 0; d < TM_ND_RANK; ++d) {
    if (p->dims[d] < 1) {
      return TM_ERR_SHAPE;
    }
  }
  const int32_t *out = p->out_stride;
  const half value = (uint16_t)((uint32_t)p->value & 0xffffu);
  for (int32_t a = 0; a < p->dims[0]; ++a) {
    for (int32_t b = 0; b < p->dims[1]; ++b) {
      for (int32_t c = 0; c < p->dims[2]; ++c) {
        half *dst = (half *)y + (ptrdiff_t)a * out[0] + (ptrdiff_t)b * out[1] + (ptrdiff_t)c * out[2];
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
