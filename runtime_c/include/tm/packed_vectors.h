/*
 * How FULLY_CONNECTED on packed operands goes through its rows: each is widened to int8 where it is packed, and its outputs are
 * packed where they shall be. Scratch and order are those of tm/fully_connected_packed.h.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PACKED_VECTORS_H
#define TM_PACKED_VECTORS_H

#include "tm/fully_connected_packed.h"

typedef struct tm_packed_vectors {
  const uint8_t *x; /* the next row of the input and of the output, as they are stored */
  uint8_t *y;
  int8_t *wide, *result; /* a row of each in the scratch; no room of its own where it is int8 anyway */
  int8_t *rest;          /* what follows in the scratch, aligned to 4 */
} tm_packed_vectors;

/* p begins with TM_FULLY_CONNECTED_PACKED_FIELDS, as the params of every such kernel do. */
static inline tm_packed_vectors tm_packed_vectors_of(const void *p, const void *x, void *y, void *scratch) {
  const tm_fully_connected_packed_i8_params *f = (const tm_fully_connected_packed_i8_params *)p;
  tm_packed_vectors r;
  r.x = (const uint8_t *)x;
  r.y = (uint8_t *)y;
  r.wide = (int8_t *)scratch;
  r.result = r.wide + (f->in_bits == 8 ? 0 : tm_round_up_4(f->in_c));
  r.rest = r.result + (f->out_bits == 8 ? 0 : tm_round_up_4(f->out_c));
  return r;
}

/* The row's input as int8 [in_c]. */
static inline const int8_t *tm_packed_vectors_in(const tm_packed_vectors *r, const void *p) {
  const tm_fully_connected_packed_i8_params *f = (const tm_fully_connected_packed_i8_params *)p;
  if (f->in_bits == 8) {
    return (const int8_t *)r->x;
  }
  tm_unpack(r->wide, r->x, f->in_c, f->in_bits);
  return r->wide;
}

/* Where its outputs go as int8 [out_c]. */
static inline int8_t *tm_packed_vectors_out(const tm_packed_vectors *r, const void *p) {
  const tm_fully_connected_packed_i8_params *f = (const tm_fully_connected_packed_i8_params *)p;
  return f->out_bits == 8 ? (int8_t *)r->y : r->result;
}

/* Once they are there: stores them, and goes on to the next row. */
static inline void tm_packed_vectors_store(tm_packed_vectors *r, const void *p) {
  const tm_fully_connected_packed_i8_params *f = (const tm_fully_connected_packed_i8_params *)p;
  if (f->out_bits != 8) {
    tm_pack(r->y, r->result, f->out_c, f->out_bits, f->clamp_lo, f->clamp_hi);
  }
  r->x += tm_packed_bytes(f->in_c, f->in_bits);
  r->y += tm_packed_bytes(f->out_c, f->out_bits);
}

#endif /* TM_PACKED_VECTORS_H */
