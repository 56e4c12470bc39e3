/*
 * CONV_2D, int8, pointwise, Armv7E-M. Contract: tm/conv_2d.h. Empty on other cores.
 *
 * Four input channels a step: SXTB16 widens bytes 0,2 and 1,3 of a word, SMLAD sums two products. Two output channels
 * share the widened inputs. Words are loaded unaligned, which LDR permits on Armv7E-M.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(__ARM_FEATURE_MVE)
#include <arm_acle.h>
#include <string.h>

static inline uint32_t load4(const int8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* gcc has no __ror in arm_acle.h and does not fold a rotate into SXTB16 */
static inline int16x2_t widen_odd(uint32_t v) {
  int16x2_t r;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
  return r;
}

static void store(const tm_conv_2d_i8_params *p, int8_t *px, int32_t c, int32_t acc) {
  const int32_t q = tm_requant(acc, p->mult[c], p->shift[c]);
  px[c] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
}

tm_status tm_conv_2d_i8_dsp(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                            void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->groups != 1 || p->in.c % 4 != 0 || p->in.h != p->out.h || p->in.w != p->out.w) {
    return TM_ERR_SHAPE;
  }
  const int32_t ci = p->in.c;
  for (int32_t oy = 0; oy < p->out.h; ++oy) {
    const int8_t *in_row = x + tm_row_offset(&p->in, oy);
    int8_t *out_row = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ++ox) {
      const int8_t *in = in_row + (ptrdiff_t)ox * p->in.px_stride;
      int8_t *out = out_row + (ptrdiff_t)ox * p->out.px_stride;
      for (int32_t c = 0; c < p->out.c; c += 2) {
        const int8_t *w0 = w + (ptrdiff_t)c * ci;
        /* a lone last channel is computed twice, stored once */
        const int32_t pair = c + 1 < p->out.c ? 1 : 0;
        const int8_t *w1 = w0 + (ptrdiff_t)pair * ci;
        int32_t acc0 = bias[c];
        int32_t acc1 = bias[c + pair];
        for (int32_t k = 0; k < ci; k += 4) {
          const uint32_t v = load4(in + k);
          const uint32_t a = load4(w0 + k);
          const uint32_t b = load4(w1 + k);
          const int16x2_t even = __sxtb16((int8x4_t)v);
          const int16x2_t odd = widen_odd(v);
          acc0 = __smlad(even, __sxtb16((int8x4_t)a), acc0);
          acc0 = __smlad(odd, widen_odd(a), acc0);
          acc1 = __smlad(even, __sxtb16((int8x4_t)b), acc1);
          acc1 = __smlad(odd, widen_odd(b), acc1);
        }
        store(p, out, c, acc0);
        if (pair != 0) {
          store(p, out, c + 1, acc1);
        }
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_dsp_not_built;
#endif
