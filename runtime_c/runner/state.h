/*
 * What the runner's parts share: its state, and the answer under construction. Internal to the runner.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RUNNER_STATE_H
#define TM_RUNNER_STATE_H

#include "frame.h"
#include "tensor_io.h"

#define TM_RUNNER_FRAME_BYTES (TM_FRAME_HEADER + TM_RUNNER_PAYLOAD + TM_FRAME_CRC)
#define TM_RUNNER_TX_BYTES (TM_RUNNER_DB_BYTES > TM_RUNNER_FRAME_BYTES ? TM_RUNNER_DB_BYTES : TM_RUNNER_FRAME_BYTES)
#define TM_RUNNER_IDLE 0xFFFFFFFFu /* position: no inference has begun */

enum { TM_KIND_INPUT = 0, TM_KIND_OUTPUT = 1, TM_KIND_TENSOR = 2 };

/* What a session of text commands remembers. All zero: nothing. */
typedef struct tm_text_state {
  uint64_t ticks;    /* counted since the start, without wrapping */
  uint64_t count;    /* reading of the counter that `ticks` belongs to */
  uint32_t left;     /* bytes that the input in hand still lacks */
  uint32_t element;  /* next element of input `input` */
  uint16_t input;
  uint8_t part[8];   /* bytes of that element so far */
  uint8_t parts;
  uint8_t as_float;  /* elements arrive as float32 */
  uint8_t loaded;    /* the inputs in the arena (or kept) are whole */
  uint8_t kept;      /* the inputs also lie in tx */
  uint8_t results;   /* the outputs in the arena are those of the last inference */
} tm_text_state;

typedef struct runner {
  const tm_model *model;
  uint8_t *arena;
  tm_status fit; /* TM_OK: arena and runtime belong to the model */
  tm_port_info port;
  uint16_t session; /* 0: none since the reset */
  uint16_t seq;     /* of the request answered last */
  uint32_t answered; /* bytes of the last answer in tx */
  uint32_t position; /* steps done, or TM_RUNNER_IDLE */
  uint32_t complete; /* bit k: input k is whole */
  uint16_t input;    /* the input that is arriving */
  uint32_t next;     /* its next byte */
  uint32_t crc;      /* of its bytes so far */
#if TM_RUNNER_PUSH
  uint64_t push_ticks; /* spent in the model while the rows of this input arrived */
  tm_status push_status;
#endif
  uint32_t out;      /* payload bytes of the answer under construction */
#if TM_RUNNER_TEXT
  tm_text_state text;
#endif
  TM_ALIGNED(8) uint8_t tx[TM_RUNNER_TX_BYTES]; /* the last answer; in a text session the kept input or output */
  tm_frame_reader rx;
} runner;

/* Payload of the request in hand. */
typedef struct request {
  const uint8_t *p;
  uint32_t n;
} request;

typedef tm_answer (*handler)(runner *r, request q);

static inline uint8_t *answer_bytes(runner *r, uint32_t n) {
  uint8_t *p = r->tx + TM_FRAME_HEADER + r->out;
  r->out += n;
  return p;
}

static inline void answer64(runner *r, uint64_t v) { tm_put64(answer_bytes(r, 8), v); }
static inline void answer32(runner *r, uint32_t v) { tm_put32(answer_bytes(r, 4), v); }
static inline void answer16(runner *r, uint32_t v) { tm_put16(answer_bytes(r, 2), v); }
static inline void answer8(runner *r, uint32_t v) { *answer_bytes(r, 1) = (uint8_t)v; }

/* The answer where the model failed: its status follows. */
tm_answer tm_runner_failed(runner *r, tm_status s);

/* Tensor `index` of a kind; NULL where there is none. */
const tm_tensor_info *tm_runner_find(const runner *r, uint32_t kind, uint32_t index);

/* inference.c: inputs in, steps done, tensors out. */
void tm_runner_forget_inputs(runner *r);

/* As tm_tensor_write, to an input. One that is pushed row by row goes through its slots, and each row that is whole sets
 * off all that it allows; a model that fails there is remembered in push_status. */
void tm_runner_write_input(runner *r, const tm_tensor_info *t, uint8_t type, uint32_t first, uint32_t count, const uint8_t *src);
tm_answer tm_runner_set_input(runner *r, request q);
tm_answer tm_runner_invoke(runner *r, request q);
tm_answer tm_runner_run_to(runner *r, request q);
tm_answer tm_runner_read(runner *r, request q);
tm_answer tm_runner_profile(runner *r, request q);

/* self_test.c */
tm_answer tm_runner_self_test(runner *r, request q);
tm_answer tm_runner_test_network(runner *r, request q);

/* Every input from a generator that the host has too (docs/protocol.md). seed != 0. */
void tm_runner_generate_inputs(runner *r, uint32_t seed);

#if TM_RUNNER_TEXT
/* text.c: answers one line of text, `n` characters at `line`; line[n] may be written. */
void tm_text_line(runner *r, uint8_t *line, uint32_t n);

/* What a device says when it starts. */
void tm_text_hello(void);
#endif

#endif /* TM_RUNNER_STATE_H */
