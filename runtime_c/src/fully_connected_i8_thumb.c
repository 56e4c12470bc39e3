/*
 * FULLY_CONNECTED, int8, Armv6-M and Armv7-M. Contract: tm/fully_connected_thumb.h. Empty on other cores.
 *
 * The sums of four channels stay in registers, so an input is loaded once for four products.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_thumb.h"

#if defined(__thumb__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/* loads moved ahead of their use would not find enough registers */
#pragma GCC optimize("O2", "no-schedule-insns")
#include "tm/requant_thumb.h"

/* Four outputs from n inputs. Returns the stream behind them. */
static const int32_t *four_units(const int32_t *w, const int8_t *x, const int8_t *x_end, int8_t *y) {
  int32_t a0 = w[0];
  int32_t a1 = w[1];
  int32_t a2 = w[2];
  int32_t a3 = w[3];
  const int8_t *v = (const int8_t *)(w + 4);
#define INPUT(k)              \
  do {                        \
    const int32_t s = x[k];   \
    a0 += s * v[4 * (k)];     \
    a1 += s * v[4 * (k) + 1]; \
    a2 += s * v[4 * (k) + 2]; \
    a3 += s * v[4 * (k) + 3]; \
  } while (0)
  for (; x_end - x >= 4; x += 4) {
    INPUT(0);
    INPUT(1);
    INPUT(2);
    INPUT(3);
    v += 16;
  }
  for (; x != x_end; ++x) {
    INPUT(0);
    v += 4;
  }
#undef INPUT
  const int32_t *q = (const int32_t *)(const void *)v;
  const int8_t *shift = v + 32;
  y[0] = tm_output_thumb((int32_t)((uint32_t)a0 << 8), q[0], q[1], shift[0], 0);
  y[1] = tm_output_thumb((int32_t)((uint32_t)a1 << 8), q[2], q[3], shift[1], 0);
  y[2] = tm_output_thumb((int32_t)((uint32_t)a2 << 8), q[4], q[5], shift[2], 0);
  y[3] = tm_output_thumb((int32_t)((uint32_t)a3 << 8), q[6], q[7], shift[3], 0);
  return q + 9;
}

tm_status tm_fully_connected_i8_thumb(const tm_fully_connected_i8_thumb_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                      void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_c < 4 || p->in_c < 1) {
    return TM_ERR_SHAPE;
  }
  for (int32_t r = 0; r < p->rows; ++r) {
    const int32_t *stream = w;
    for (int32_t m = 0; m < p->out_c; m += 4) {
      stream = four_units(stream, x, x + p->in_c, y + tm_min_i32(m, p->out_c - 4));
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_i8_thumb_not_built;
#endif
