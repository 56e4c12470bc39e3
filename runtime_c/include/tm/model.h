/*
 * The descriptor through which generic code (the device runner, a test, an application that holds several networks)
 * drives any generated network. Everything in it is constant; the only mutable state is the caller's arena.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_MODEL_H
#define TM_MODEL_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tm_dtype { TM_I8 = 0, TM_I16 = 1, TM_I32 = 2, TM_F32 = 3, TM_U8 = 4, TM_I64 = 5 } tm_dtype;

/*
 * A tensor in the arena. Element (y,x,ch) is at arena[offset] + elem_bytes * (y*row_stride + x*px_stride + ch).
 * Dense tensors have px_stride == c and row_stride == w*c.
 */
typedef struct tm_tensor_info {
  uint32_t id;       /* tensor index in the source model file */
  uint32_t offset;   /* bytes from the start of its arena */
  tm_geom geom;      /* ring == 0 but for an input that is pushed row by row */
  uint8_t dtype;     /* tm_dtype of the stored elements */
  uint8_t io_dtype;  /* tm_dtype of the model file's tensor; TM_F32 over TM_I8: converted at the edge */
  uint16_t born;     /* first step after which it is complete (0: before step 0, k: after step k-1) */
  uint16_t dead;     /* last step count at which it is still whole: readable after steps born..dead */
  uint16_t arena;    /* which one: see tm_arena() */
  float scale;       /* 0 where the tensor is not quantised */
  int32_t zero_point;
} tm_tensor_info;

typedef struct tm_model {
  const char *name;          /* ASCII identifier */
  const char *tool_version;
  uint8_t hash[16];          /* first 16 bytes of SHA-256 over the model file and the plan */
  uint32_t runtime_version;  /* TM_RUNTIME_VERSION of the generator */
  uint32_t arena_bytes;      /* of arena 0 */
  uint32_t arena_align;      /* of every arena */
  uint32_t steps;
  uint16_t inputs, outputs, tensors;
  uint16_t further;          /* arenas beside arena 0: before anything runs, tm_arena_set() must have named each */
  const tm_tensor_info *input;   /* [inputs] */
  const tm_tensor_info *output;  /* [outputs] */
  const tm_tensor_info *tensor;  /* [tensors]: every tensor that exists in the arena, for debugging; may be NULL */
  /* Runs step k on an arena of arena_bytes, aligned to arena_align. Steps 0..steps-1 in order are one inference. */
  tm_status (*run_step)(uint8_t *arena, uint32_t k);
  /* NULL: input 0 is written as a whole before step 0. Else it is pushed: its geometry is a ring, the caller puts row y into
   * slot y % ring (y itself where ring is 0) and calls this, for y = 0, 1, ... h-1; then step 0, which has run by then, only
   * says whether rows are missing (TM_ERR_INPUT). */
  tm_status (*push_row)(uint8_t *arena, int32_t y);
  const uint32_t *further_bytes; /* [further]: of arena 1, 2, ...; NULL where there is none */
} tm_model;

/* Bytes of all arenas. */
static inline uint32_t tm_model_arena_bytes(const tm_model *m) {
  uint32_t sum = m->arena_bytes;
  for (uint32_t k = 0; k < m->further; ++k) {
    sum += m->further_bytes[k];
  }
  return sum;
}

/* One inference. arena: m->arena_bytes bytes, inputs already in place. Returns the first status that is not TM_OK. */
static inline tm_status tm_model_invoke(const tm_model *m, uint8_t *arena) {
  for (uint32_t k = 0; k < m->steps; ++k) {
    const tm_status s = m->run_step(arena, k);
    if (s != TM_OK) {
      return s;
    }
  }
  return TM_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* TM_MODEL_H */
