/* Strided copy of 2-byte elements. Contract: tm/copy_nd.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/copy_nd.h"

#include <string.h>

/* elements may be of any 2-byte type: this one may alias them */
#if defined(__GNUC__)
typedef uint16_t __attribute__((may_alias)) half;
#else
typedef uint16_t half;
#endif

static void copy_run(const half *src, half *dst, int32_t n, int32_t in_stride, int32_t out_stride) {
  if (in_stride == 1 && out_stride == 1) {
    memmove(dst, src, (size_t)n * sizeof *src);
    return;
  }
  for (int32_t i = 0; i < n; ++i) {
    dst[(ptrdiff_t)i * out_stride] = src[(ptrdiff_t)i * in_stride];
  }
}

tm_status tm_copy_nd_b2(const tm_copy_nd_params *p, const void *x, void *y) {
  if (p == NULL || x == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  for (int32_t d = 0; d < TM_ND_RANK; ++d) {
    if (p->dims[d] < 1) {
      return TM_ERR_SHAPE;
    }
  }
  const int32_t *in = p->in_stride;
  const int32_t *out = p->out_stride;
  for (int32_t a = 0; a < p->dims[0]; ++a) {
    for (int32_t b = 0; b < p->dims[1]; ++b) {
      for (int32_t c = 0; c < p->dims[2]; ++c) {
        const half *src = (const half *)x + (ptrdiff_t)a * in[0] + (ptrdiff_t)b * in[1] + (ptrdiff_t)c * in[2];
        half *dst = (half *)y + (ptrdiff_t)a * out[0] + (ptrdiff_t)b * out[1] + (ptrdiff_t)c * out[2];
        for (int32_t d = 0; d < p->dims[3]; ++d) {
          copy_run(src + (ptrdiff_t)d * in[3], dst + (ptrdiff_t)d * out[3], p->dims[4], in[4], out[4]);
        }
      }
    }
  }
  return TM_OK;
}
