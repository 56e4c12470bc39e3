/*
 * Values of 4 and 2 bits, several to a byte, lowest bits first (docs/kernel-contract.md, "Packed types"), and rows of them
 * as the int8 kernels take them.
 *
 * Kernels on packed operands widen rows to int8 in their scratch, run an int8 kernel on one output row, and pack what it
 * wrote. `bits` is 8, 4 or 2; rows of 8 bits are used where they lie. Geometries of packed operands count bytes.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PACKED_H
#define TM_PACKED_H

#include "tm/window.h"

/* Bytes of n values. */
static inline int32_t tm_packed_bytes(int32_t n, int32_t bits) { return (n * bits + 7) / 8; }

/* The low `bits` bits of v as a signed number; bits is 4 or 2. */
static inline int8_t tm_sign_low(uint32_t v, int32_t bits) {
  const uint32_t sign = 1u << (bits - 1);
  return (int8_t)((int32_t)((v & (2u * sign - 1u)) ^ sign) - (int32_t)sign);
}

/* dst[0..n) = the n values that begin at src. */
static inline void tm_unpack(int8_t *dst, const uint8_t *src, int32_t n, int32_t bits) {
  if (bits == 8) {
    for (int32_t i = 0; i < n; ++i) {
      dst[i] = (int8_t)src[i];
    }
    return;
  }
  if (bits == 4) {
    for (; n >= 2; n -= 2) {
      const uint32_t v = *src++;
      dst[0] = tm_sign_low(v, 4);
      dst[1] = tm_sign_low(v >> 4, 4);
      dst += 2;
    }
  } else {
    for (; n >= 4; n -= 4) {
      const uint32_t v = *src++;
      dst[0] = tm_sign_low(v, 2);
      dst[1] = tm_sign_low(v >> 2, 2);
      dst[2] = tm_sign_low(v >> 4, 2);
      dst[3] = tm_sign_low(v >> 6, 2);
      dst += 4;
    }
  }
  for (uint32_t v = n > 0 ? *src : 0u; n > 0; --n, v >>= bits) {
    *dst++ = tm_sign_low(v, bits);
  }
}

/* n int8 values clamped to [lo, hi], which fits `bits`, to the bytes at dst; unused bits of the last one become 0. */
static inline void tm_pack(uint8_t *dst, const int8_t *src, int32_t n, int32_t bits, int32_t lo, int32_t hi) {
  const uint32_t mask = (1u << bits) - 1u;
  for (int32_t i = 0; i < n;) {
    uint32_t v = 0;
    for (int32_t at = 0; at < 8 && i < n; at += bits, ++i) {
      v |= ((uint32_t)tm_clamp_i32(src[i], lo, hi) & mask) << at;
    }
    *dst++ = (uint8_t)v;
  }
}

/* Sum over k values of q * w, w packed. k * 2^14 < 2^31. */
static inline int32_t tm_packed_dot(const int8_t *q, const uint8_t *w, int32_t k, int32_t bits) {
  int32_t acc = 0;
  if (bits == 8) {
    for (int32_t i = 0; i < k; ++i) {
      acc += (int32_t)q[i] * (int8_t)w[i];
    }
    return acc;
  }
  if (bits == 4) {
    for (; k >= 2; k -= 2, q += 2) {
      const uint32_t v = *w++;
      acc += q[0] * tm_sign_low(v, 4) + q[1] * tm_sign_low(v >> 4, 4);
    }
  } else {
    for (; k >= 4; k -= 4, q += 4) {
      const uint32_t v = *w++;
      acc += q[0] * tm_sign_low(v, 2) + q[1] * tm_sign_low(v >> 2, 2);
      acc += q[2] * tm_sign_low(v >> 4, 2) + q[3] * tm_sign_low(v >> 6, 2);
    }
  }
  for (uint32_t v = k > 0 ? *w : 0u; k > 0; --k, v >>= bits) {
    acc += *q++ * tm_sign_low(v, bits);
  }
  return acc;
}

/* A row of w pixels of c channels, px_stride bytes apart, to dense int8, and back. */
static inline void tm_unpack_row(int8_t *dst, const uint8_t *src, int32_t w, int32_t c, int32_t px_stride, int32_t bits) {
  if (px_stride * 8 == c * bits) {
    tm_unpack(dst, src, w * c, bits);
    return;
  }
  for (; w > 0; --w) {
    tm_unpack(dst, src, c, bits);
    dst += c;
    src += px_stride;
  }
}

static inline void tm_pack_row(uint8_t *dst, const int8_t *src, int32_t w, int32_t c, int32_t px_stride, int32_t bits, int32_t lo,
                               int32_t hi) {
  for (; w > 0; --w) {
    tm_pack(dst, src, c, bits, lo, hi);
    dst += px_stride;
    src += c;
  }
}

static inline int tm_packed_ok(const tm_geom *g, int32_t c, int32_t bits) {
  return (bits == 8 || bits == 4 || bits == 2) && c > 0 && g->c == tm_packed_bytes(c, bits);
}

/*
 * Leading fields of window kernels on packed operands: window.h's, the channels, the widths, and the clamp of the output.
 * In the scratch lie, where the input is packed, `kernel extent` rows of in.w * in_c bytes, and where the output is, one row
 * of out.w * out_c bytes, each rounded up to fours; behind them the int8 kernel's own scratch.
 */
#define TM_PACKED_FIELDS      \
  TM_WINDOW_FIELDS            \
  int32_t in_c, out_c;        \
  int32_t in_bits, out_bits;  \
  int32_t clamp_lo, clamp_hi;

typedef struct tm_packed_window {
  TM_PACKED_FIELDS
} tm_packed_window;

/* The int8 kernel's view of one output row. */
typedef struct tm_packed_row {
  tm_geom in, out;
  int32_t pad_top;
  const int8_t *x;
  int8_t *y;
  void *scratch;
  int8_t *rows;  /* ring of widened input rows */
  int32_t extent, next; /* its slots, the first row not widened yet */
} tm_packed_row;

static inline int32_t tm_round_up_4(int32_t n) { return (n + 3) / 4 * 4; }

/* TM_OK, or what is wrong with the params. */
static inline tm_status tm_packed_begin(const tm_packed_window *p, void *scratch, tm_packed_row *r) {
  if (!tm_packed_ok(&p->in, p->in_c, p->in_bits) || !tm_packed_ok(&p->out, p->out_c, p->out_bits)) {
    return TM_ERR_SHAPE;
  }
  int8_t *at = (int8_t *)scratch;
  r->extent = (p->kernel_h - 1) * p->dilation_h + 1;
  r->next = 0;
  r->rows = at;
  if (p->in_bits != 8) {
    at += tm_round_up_4(r->extent * p->in.w * p->in_c);
  }
  r->y = at;
  if (p->out_bits != 8) {
    at += tm_round_up_4(p->out.w * p->out_c);
  }
  r->scratch = at;
  return TM_OK;
}

/* Prepares output row oy: widens the input rows that it needs first. */
static inline void tm_packed_enter(const tm_packed_window *p, tm_packed_row *r, const uint8_t *x, uint8_t *y, int32_t oy) {
  const int32_t first = oy * p->stride_h - p->pad_top;
  if (p->in_bits == 8) {
    r->in = p->in;
    r->pad_top = -first;
    r->x = (const int8_t *)x;
  } else {
    const int32_t lo = tm_clamp_i32(first, 0, p->in.h);
    const int32_t hi = tm_clamp_i32(first + r->extent, lo, p->in.h);
    const tm_geom in = {hi - lo, p->in.w, p->in_c, p->in.w * p->in_c, p->in_c, r->extent, lo % r->extent};
    for (int32_t row = tm_max_i32(lo, r->next); row < hi; ++row) {
      tm_unpack_row(r->rows + (ptrdiff_t)(row % r->extent) * in.row_stride, x + tm_row_offset(&p->in, row), p->in.w, p->in_c,
                    p->in.px_stride, p->in_bits);
    }
    r->next = tm_max_i32(hi, r->next);
    r->in = in;
    r->pad_top = lo - first;
    r->x = r->rows;
  }
  if (p->out_bits == 8) {
    r->out = p->out;
    r->out.h = 1;
    r->out.ring = 0;
    r->out.first = 0;
    r->y = (int8_t *)y + tm_row_offset(&p->out, oy);
  } else {
    const tm_geom out = {1, p->out.w, p->out_c, p->out.w * p->out_c, p->out_c, 0, 0};
    r->out = out;
  }
}

/* Packs what the int8 kernel wrote for row oy. */
static inline void tm_packed_leave(const tm_packed_window *p, const tm_packed_row *r, uint8_t *y, int32_t oy) {
  if (p->out_bits != 8) {
    tm_pack_row(y + tm_row_offset(&p->out, oy), r->y, p->out.w, p->out_c, p->out.px_stride, p->out_bits, p->clamp_lo, p->clamp_hi);
  }
}

/*
 * The body of a window kernel on packed operands: CALL runs the int8 kernel for one row, from `inner`, a copy of p->inner whose
 * window fields are that row's, r.x, r.y and r.scratch.
 */
#define TM_PACKED_ROWS(INNER_PARAMS, CALL)                                                                               \
  const tm_packed_window window = {p->in,         p->out,        p->kernel_h, p->kernel_w, p->stride_h, p->stride_w, \
                                   p->dilation_h, p->dilation_w, p->pad_top,  p->pad_left, p->in_c,     p->out_c,    \
                                   p->in_bits,    p->out_bits,   p->clamp_lo, p->clamp_hi};                          \
  tm_packed_row r = {window.in, window.out, 0, NULL, NULL, NULL, NULL, 1, 0};                                            \
  tm_status status = tm_packed_begin(&window, scratch, &r);                                                              \
  INNER_PARAMS inner = p->inner;                                                                                         \
  inner.pad_left = p->pad_left;                                                                                          \
  for (int32_t oy = 0; status == TM_OK && oy < p->out.h; ++oy) {                                                         \
    tm_packed_enter(&window, &r, (const uint8_t *)x, (uint8_t *)y, oy);                                                  \
    inner.in = r.in;                                                                                                     \
    inner.out = r.out;                                                                                                   \
    inner.pad_top = r.pad_top;                                                                                           \
    status = CALL;                                                                                                       \
    tm_packed_leave(&window, &r, (uint8_t *)y, oy);                                                                      \
  }                                                                                                                      \
  return status

#endif /* TM_PACKED_H */
