/*
 * CONV_2D, int8, weights of 4 or 2 bits, RV32IM. Contract: tm/conv_2d_narrow.h. Empty on other cores.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d_narrow.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
#include "tm/narrow_stream.h"

enum { BLOCK = 16 }; /* output channels whose weights are widened together */

tm_status tm_conv_2d_i8_narrow_rv(const tm_conv_2d_i8_narrow_params *p, const int8_t *x, const uint32_t *w, int8_t *y,
                                  void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out.c < 4 || (p->weight_bits != 4 && p->weight_bits != 2)) {
    return TM_ERR_SHAPE;
  }
  const int32_t words = (p->kernel_h * p->kernel_w * p->in.c + 1) / 2 * 2;
  uint32_t *const stream = (uint32_t *)scratch;
  void *const rest = stream + BLOCK / 4 * (17 + words) + 3;
  const int once = p->out.c <= BLOCK; /* all weights fit: they are widened for the first row alone */
  tm_conv_2d_i8_swar_params inner = {p->in,         p->out,        p->kernel_h, p->kernel_w, p->stride_h, p->stride_w,
                                     p->dilation_h, p->dilation_w, p->pad_top,  p->pad_left, p->pad_value, p->any_sign};
  tm_status status = TM_OK;
  for (int32_t oy = 0; status == TM_OK && oy < p->out.h; ++oy) {
    const uint32_t *from = w;
    int8_t *row = y + tm_row_offset(&p->out, oy);
    inner.out.h = 1;
    inner.out.ring = 0;
    inner.pad_top = p->pad_top - oy * p->stride_h;
    for (int32_t c = 0; status == TM_OK && c < p->out.c; c += BLOCK) {
      const int32_t left = p->out.c - c;
      const int32_t first = left < 4 ? p->out.c - 4 : c;
      inner.out.c = left < 4 ? 4 : tm_min_i32(left, BLOCK);
      if (!once || oy == 0) {
        uint32_t *to = stream;
        for (int32_t k = 0; k < inner.out.c; k += 4) {
          from = tm_widen_block(to, from, 8, words, 9, p->weight_bits);
          to += 17 + words;
        }
      }
      status = tm_conv_2d_i8_swar_rv(&inner, x, (const int32_t *)stream, row + first, rest);
    }
  }
  return status;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_narrow_rv_not_built;
#endif
