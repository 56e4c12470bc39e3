/*
 * The generic firmware: commands of docs/protocol.md over tm_model.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/runner.h"

#include <string.h>

#include "frame.h"
#include "tensor_io.h"

enum { STACK_PAINT = 0xC5, STACK_MARGIN = 96 };
enum { SELF_TEST_WORDS = 1024 };
#define IDLE 0xFFFFFFFFu /* position: no inference has begun */

enum { KIND_INPUT = 0, KIND_OUTPUT = 1, KIND_TENSOR = 2 };

typedef struct runner {
  const tm_model *model;
  uint8_t *arena;
  tm_status fit; /* TM_OK: arena and runtime belong to the model */
  tm_port_info port;
  uint16_t session; /* 0: none since the reset */
  uint16_t seq;     /* of the request answered last */
  uint32_t answered; /* bytes of the last answer in tx, 0: none */
  uint32_t position; /* steps done, or IDLE */
  uint32_t complete; /* bit k: input k is whole */
  uint16_t input;    /* the input that is arriving */
  uint32_t next;     /* its next byte */
  uint32_t crc;      /* of its bytes so far */
  uint32_t out;      /* payload bytes of the answer under construction */
  TM_ALIGNED(8) uint8_t tx[TM_FRAME_HEADER + TM_RUNNER_PAYLOAD + TM_FRAME_CRC];
  tm_frame_reader rx;
} runner;

/* The one static object: the firmware is an application, and its RAM should show in the image's .bss. */
static runner the_runner;

/* Payload of the request in hand. */
typedef struct request {
  const uint8_t *p;
  uint32_t n;
} request;

typedef tm_answer (*handler)(runner *r, request q);

static uint8_t *answer_bytes(runner *r, uint32_t n) {
  uint8_t *p = r->tx + TM_FRAME_HEADER + r->out;
  r->out += n;
  return p;
}

static void answer32(runner *r, uint32_t v) { tm_put32(answer_bytes(r, 4), v); }
static void answer16(runner *r, uint32_t v) { tm_put16(answer_bytes(r, 2), v); }
static void answer8(runner *r, uint32_t v) { *answer_bytes(r, 1) = (uint8_t)v; }

/* Length byte and text, shortened to what the smallest payload has room for. */
static void answer_text(runner *r, const char *text, uint32_t most) {
  uint32_t n = 0;
  while (n < most && text[n] != '\0') {
    ++n;
  }
  answer8(r, n);
  memcpy(answer_bytes(r, n), text, n);
}

static tm_answer failed(runner *r, tm_status s) {
  answer8(r, (uint32_t)s);
  return TM_ANSWER_MODEL;
}

static void paint_stack(const runner *r) {
  uint8_t here = 0;
  uint8_t *volatile frame = &here;
  if (r->port.stack_low == NULL) {
    return;
  }
  /* volatile: a memset here would have a frame in the painted region. */
  for (volatile uint8_t *p = r->port.stack_low; p < frame - STACK_MARGIN; ++p) {
    *p = STACK_PAINT;
  }
}

static void forget_inputs(runner *r) {
  r->complete = 0;
  r->position = IDLE;
  r->input = 0;
  r->next = 0;
  r->crc = 0;
}

static int inputs_complete(const runner *r) {
  for (uint32_t k = 0; k < r->model->inputs; ++k) {
    if ((r->complete >> k & 1u) == 0) {
      return 0;
    }
  }
  return 1;
}

static const tm_tensor_info *find(const runner *r, uint32_t kind, uint32_t index) {
  const tm_model *m = r->model;
  const tm_tensor_info *list = kind == KIND_INPUT ? m->input : kind == KIND_OUTPUT ? m->output : kind == KIND_TENSOR ? m->tensor : NULL;
  const uint32_t n = kind == KIND_INPUT ? m->inputs : kind == KIND_OUTPUT ? m->outputs : m->tensors;
  return list != NULL && index < n ? &list[index] : NULL;
}

static tm_answer identify(runner *r, request q) {
  (void)q;
  const tm_model *m = r->model;
  forget_inputs(r);
  answer8(r, TM_PROTOCOL_VERSION);
  answer8(r, (uint32_t)r->fit);
  answer8(r, r->port.count_kind);
  answer8(r, r->port.count_bits);
  answer16(r, TM_RUNNER_PAYLOAD);
  answer16(r, m->inputs);
  answer16(r, m->outputs);
  answer16(r, m->tensor == NULL ? 0u : m->tensors);
  answer32(r, r->port.flags);
  answer32(r, r->port.clock_hz);
  answer32(r, r->port.count_hz);
  answer32(r, m->runtime_version);
  answer32(r, m->arena_bytes);
  answer32(r, m->steps);
  memcpy(answer_bytes(r, sizeof m->hash), m->hash, sizeof m->hash);
  answer_text(r, m->tool_version, 15);
  answer_text(r, r->port.board, 15);
  answer_text(r, m->name, 32);
  return TM_ANSWER_OK;
}

static tm_answer describe(runner *r, request q) {
  if (q.n != 3) {
    return TM_ANSWER_ARGUMENT;
  }
  const tm_tensor_info *t = find(r, q.p[0], tm_get16(q.p + 1));
  if (t == NULL) {
    return TM_ANSWER_ARGUMENT;
  }
  uint32_t scale_bits;
  memcpy(&scale_bits, &t->scale, sizeof scale_bits);
  answer32(r, t->id);
  answer8(r, t->dtype);
  answer8(r, t->io_dtype);
  answer16(r, t->born);
  answer16(r, t->dead);
  answer32(r, (uint32_t)t->geom.h);
  answer32(r, (uint32_t)t->geom.w);
  answer32(r, (uint32_t)t->geom.c);
  answer32(r, scale_bits);
  answer32(r, (uint32_t)t->zero_point);
  return TM_ANSWER_OK;
}

/* index, offset, CRC of the input's bytes up to and including these, bytes. Offset 0 starts the input again. */
static tm_answer set_input(runner *r, request q) {
  if (q.n < 10) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t index = tm_get16(q.p);
  const uint32_t offset = tm_get32(q.p + 2);
  const uint32_t n = q.n - 10u;
  const tm_tensor_info *t = find(r, KIND_INPUT, index);
  if (t == NULL || index >= 32u || !tm_tensor_converts(t, t->io_dtype)) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t elem = tm_elem_bytes(t->io_dtype);
  const uint32_t size = tm_tensor_elements(t) * elem;
  if (offset % elem != 0 || n % elem != 0 || offset > size || n > size - offset) {
    return TM_ANSWER_ARGUMENT;
  }
  if (r->position != IDLE) {
    forget_inputs(r); /* an inference may have overwritten every input */
  }
  if (offset == 0) {
    r->input = (uint16_t)index;
    r->next = 0;
    r->crc = 0;
  }
  if (index != r->input || offset != r->next) {
    return TM_ANSWER_INPUT;
  }
  r->complete &= ~((uint32_t)1 << index);
  const uint32_t crc = tm_crc32(r->crc, q.p + 10, n);
  if (crc != tm_get32(q.p + 6)) {
    return TM_ANSWER_INPUT;
  }
  tm_tensor_write(r->arena, t, t->io_dtype, offset / elem, n / elem, q.p + 10);
  r->crc = crc;
  r->next = offset + n;
  if (r->next == size) {
    r->complete |= (uint32_t)1 << index;
  }
  return TM_ANSWER_OK;
}

static int can_start(const runner *r) { return r->fit == TM_OK && r->position == IDLE && inputs_complete(r); }

/* A whole inference, timed from outside. */
static tm_answer invoke(runner *r, request q) {
  (void)q;
  if (!can_start(r)) {
    return TM_ANSWER_NOT_READY;
  }
  const uint64_t before = tm_port_count();
  const tm_status s = tm_model_invoke(r->model, r->arena);
  const uint64_t after = tm_port_count();
  forget_inputs(r);
  if (s != TM_OK) {
    return failed(r, s);
  }
  r->position = r->model->steps;
  const uint64_t c0 = tm_port_count();
  const uint64_t c1 = tm_port_count();
  tm_put64(answer_bytes(r, 8), after - before);
  tm_put64(answer_bytes(r, 8), c1 - c0);
  return TM_ANSWER_OK;
}

/* Goes on until `step` steps are done. */
static tm_answer run_to(runner *r, request q) {
  if (q.n != 4) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t step = tm_get32(q.p);
  if (step > r->model->steps || (r->position != IDLE && step < r->position)) {
    return TM_ANSWER_ARGUMENT;
  }
  if (r->position == IDLE && !can_start(r)) {
    return TM_ANSWER_NOT_READY;
  }
  uint32_t k = r->position == IDLE ? 0u : r->position;
  for (; k < step; ++k) {
    const tm_status s = r->model->run_step(r->arena, k);
    if (s != TM_OK) {
      forget_inputs(r);
      return failed(r, s);
    }
  }
  r->position = k;
  answer32(r, k);
  return TM_ANSWER_OK;
}

/* kind, index, offset in bytes, bytes wanted. Outputs in the model file's type, other tensors as they are stored. */
static tm_answer read_tensor(runner *r, request q) {
  if (q.n != 9) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t kind = q.p[0];
  const uint32_t offset = tm_get32(q.p + 3);
  const uint32_t n = tm_get16(q.p + 7);
  const tm_tensor_info *t = kind == KIND_INPUT ? NULL : find(r, kind, tm_get16(q.p + 1));
  if (t == NULL) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint8_t type = kind == KIND_OUTPUT ? t->io_dtype : t->dtype;
  if (!tm_tensor_converts(t, type)) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t elem = tm_elem_bytes(type);
  const uint32_t size = tm_tensor_elements(t) * elem;
  if (offset % elem != 0 || n % elem != 0 || offset > size || n > size - offset || n > TM_RUNNER_PAYLOAD - 1u) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t first = kind == KIND_OUTPUT ? r->model->steps : t->born;
  const uint32_t last = kind == KIND_OUTPUT ? r->model->steps : t->dead;
  if (r->position == IDLE || r->position < first || r->position > last) {
    return TM_ANSWER_NOT_READY;
  }
  tm_tensor_read(r->arena, t, type, offset / elem, n / elem, answer_bytes(r, n));
  return TM_ANSWER_OK;
}

/* One inference with the counter read around every step; answers with as many steps from `first` on as fit. */
static tm_answer profile(runner *r, request q) {
  if (q.n != 4) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t steps = r->model->steps;
  const uint32_t first = tm_get32(q.p);
  if (first > steps) {
    return TM_ANSWER_ARGUMENT;
  }
  if (!can_start(r)) {
    return TM_ANSWER_NOT_READY;
  }
  const uint32_t room = (TM_RUNNER_PAYLOAD - 1u - 14u) / 8u;
  const uint32_t rows = steps - first < room ? steps - first : room;
  const uint64_t c0 = tm_port_count();
  const uint64_t c1 = tm_port_count();
  tm_put64(answer_bytes(r, 8), c1 - c0);
  answer32(r, first);
  answer16(r, rows);
  for (uint32_t k = 0; k < steps; ++k) {
    const uint64_t before = tm_port_count();
    const tm_status s = r->model->run_step(r->arena, k);
    const uint64_t after = tm_port_count();
    if (s != TM_OK) {
      forget_inputs(r);
      r->out = 1;
      return failed(r, s);
    }
    if (k - first < rows) {
      tm_put64(answer_bytes(r, 8), after - before);
    }
  }
  forget_inputs(r);
  r->position = steps;
  return TM_ANSWER_OK;
}

/* High-water mark and size in bytes; both 0 where the port does not know its stack. Flag 1: paint it anew afterwards. */
static tm_answer stack(runner *r, request q) {
  if (q.n != 1) {
    return TM_ANSWER_ARGUMENT;
  }
  uint32_t used = 0;
  uint32_t total = 0;
  if (r->port.stack_low != NULL) {
    const uint8_t *p = r->port.stack_low;
    while (p < r->port.stack_high && *p == STACK_PAINT) {
      ++p;
    }
    used = (uint32_t)(r->port.stack_high - p);
    total = (uint32_t)(r->port.stack_high - r->port.stack_low);
  }
  answer32(r, used);
  answer32(r, total);
  if ((q.p[0] & 1u) != 0) {
    paint_stack(r);
  }
  return TM_ANSWER_OK;
}

/* CRC over a pattern that uses 32- and 64-bit multiplication, and the request's payload back. */
static tm_answer self_test(runner *r, request q) {
  uint32_t x = 1;
  uint32_t crc = 0;
  uint64_t sum = 0;
  uint8_t word[8];
  for (uint32_t i = 0; i < SELF_TEST_WORDS; ++i) {
    x = x * 1664525u + 1013904223u;
    sum += (uint64_t)x * x;
    tm_put64(word, sum);
    crc = tm_crc32(crc, word, sizeof word);
  }
  if (q.n > TM_RUNNER_PAYLOAD - 5u) {
    return TM_ANSWER_ARGUMENT;
  }
  answer32(r, crc);
  memcpy(answer_bytes(r, q.n), q.p, q.n);
  return TM_ANSWER_OK;
}

static tm_answer dispatch(runner *r, uint32_t command, request q) {
  static const handler handlers[] = {identify, describe, set_input, invoke, run_to, read_tensor, profile, stack, self_test};
  if (command == 0 || command > sizeof handlers / sizeof handlers[0]) {
    return TM_ANSWER_COMMAND;
  }
  return handlers[command - 1u](r, q);
}

static uint32_t seal(runner *r, const tm_frame *f, tm_answer a) {
  r->tx[TM_FRAME_HEADER] = (uint8_t)a;
  const tm_frame answer = {TM_PROTOCOL_VERSION, (uint8_t)(f->command | TM_FRAME_ANSWER), f->session, f->seq, (uint16_t)r->out};
  return tm_frame_seal(r->tx, &answer);
}

/* Refusals are built beside the kept answer, which a repeated request may still ask for. */
static void refuse(const tm_frame *f, tm_answer a) {
  uint8_t small[TM_FRAME_HEADER + 4 + TM_FRAME_CRC];
  const tm_frame answer = {TM_PROTOCOL_VERSION, (uint8_t)(f->command | TM_FRAME_ANSWER), f->session, f->seq, 1};
  small[TM_FRAME_HEADER] = (uint8_t)a;
  tm_port_write(small, tm_frame_seal(small, &answer));
}

static void serve(runner *r, const tm_frame *f) {
  const int opens = f->command == 1u && f->session != 0 && f->session != r->session;
  if (f->version != TM_PROTOCOL_VERSION) {
    refuse(f, TM_ANSWER_VERSION);
    return;
  }
  if (!opens && (f->session == 0 || f->session != r->session)) {
    refuse(f, TM_ANSWER_SESSION);
    return;
  }
  if (!opens && f->seq == r->seq) { /* the answer was lost on its way: executed once, told again */
    tm_port_write(r->tx, r->answered);
    return;
  }
  if (!opens && f->seq != (uint16_t)(r->seq + 1u)) {
    if ((uint16_t)(r->seq - f->seq) >= 0x8000u) {
      refuse(f, TM_ANSWER_SEQUENCE);
    }
    return; /* an old request that was delayed: its sender has its answer */
  }
  const request q = {r->rx.buf + TM_FRAME_HEADER, f->len};
  r->session = f->session;
  r->seq = f->seq;
  r->out = 1;
  const tm_answer a = dispatch(r, f->command, q);
  if (a != TM_ANSWER_OK && a != TM_ANSWER_MODEL) {
    r->out = 1;
  }
  r->answered = seal(r, f, a);
  tm_port_write(r->tx, r->answered);
}

void tm_runner(const tm_model *m, uint8_t *arena, uint32_t arena_bytes) {
  runner *r = &the_runner;
  r->model = m;
  r->arena = arena;
  const int runtime = m->runtime_version == TM_RUNTIME_VERSION;
  const int aligned = m->arena_align == 0 || (uintptr_t)arena % m->arena_align == 0;
  r->fit = !runtime ? TM_ERR_ARGUMENT : (!aligned || arena_bytes < m->arena_bytes) ? TM_ERR_ARENA : TM_OK;
  tm_port_get_info(&r->port);
  forget_inputs(r);
  paint_stack(r);
  for (;;) {
    tm_frame f;
    switch (tm_frame_read(&r->rx, &f)) {
      case TM_FRAME_END:
        return;
      case TM_FRAME_DAMAGED:
        refuse(&f, TM_ANSWER_BAD_FRAME);
        break;
      case TM_FRAME_TOO_LONG:
        refuse(&f, TM_ANSWER_ARGUMENT);
        break;
      case TM_FRAME_OK:
        serve(r, &f);
        break;
    }
  }
}

void tm_runner_fault(uint32_t cause, uint32_t pc) {
  uint8_t small[TM_FRAME_HEADER + 8 + TM_FRAME_CRC];
  const tm_frame f = {TM_PROTOCOL_VERSION, TM_FRAME_FAULT, 0, 0, 8};
  tm_put32(tm_put32(small + TM_FRAME_HEADER, cause), pc);
  tm_port_write(small, tm_frame_seal(small, &f));
}
