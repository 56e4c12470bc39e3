/*
 * Steps of a network as data: the numbers of a kernel's params and arguments as bytes.
 *
 * A step is its length in bytes; a byte with the number of its function in the upper 5 bits and of the tables that it uses in the lower 3
 * (31: the function's number is that of the next two bytes, lowest first); and numbers: those of the params, then one for each pointer.
 * Numbers are, by their first byte,
 *   0..127    itself
 *   128..191  its low 6 bits, and 8 more bits from the next byte
 *   192..207  its low 4 bits, and 16 more bits from two bytes
 *   208       32 bits from four bytes
 *   209..254  not a number, but a part: all numbers of part 0..45, which may itself name parts
 *   255       not a number, but four, behind the w and c of a tm_geom: what makes it dense (w * c, c, 0, 0)
 * and of these bits, lowest first, the lowest one says that the others are to be inverted. The parts begin with one byte each, where among them
 * it lies; there is the count of its numbers, then their bytes.
 * A pointer's number is -1 for the next table; else its low bits tell an arena, and the others how many units from its start on.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_STEPS_H
#define TM_STEPS_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_STEP_POINTERS 8 /* most of one step */

typedef union tm_step_pointer {
  void *data;        /* into an arena */
  const void *table; /* in flash */
} tm_step_pointer;

typedef struct tm_step tm_step;

/* Makes a step. */
typedef tm_status (*tm_step_fn)(tm_step *s);

/* All steps of a network. */
typedef struct tm_steps {
  const uint8_t *code; /* one step behind the other */
  const uint8_t *parts;
  const void *const *tables; /* in the order in which the steps use them */
  const tm_step_fn *functions;
  uint32_t unit;       /* bytes */
  uint32_t arena_bits; /* of a pointer's number */
} tm_steps;

struct tm_step {
  const tm_steps *all;
  uint8_t *arena;
  const uint8_t *code;
  const void *const *next;
  tm_step_pointer at[TM_STEP_POINTERS];
};

/* Step k of an arena; k must be one of the network's. */
tm_status tm_step_run(const tm_steps *all, uint8_t *arena, uint32_t k);

/* For a step's function: decodes n numbers into 32-bit words from `to` on, which may be the first members of a params struct, and then
 * `pointers` of s->at. Any alignment of `to`. Parts in parts: as deep as the generator makes them, which is 3. */
void tm_step_read(tm_step *s, void *to, uint32_t n, uint32_t pointers);

#ifdef __cplusplus
}
#endif

#endif /* TM_STEPS_H */
