/*
 * The generic firmware: commands of docs/protocol.md over tm_model.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/runner.h"

#include <string.h>

#include "state.h"

enum { STACK_PAINT = 0xC5, STACK_MARGIN = 96 };
enum { STALE_S = 1 }; /* the rest of a frame that has not come by then does not come */

/* The one static object: the firmware is an application, and its RAM should show in the image's .bss. */
static runner the_runner;

/* Length byte and text, shortened to what the smallest payload has room for. */
static void answer_text(runner *r, const char *text, uint32_t most) {
  uint32_t n = 0;
  while (n < most && text[n] != '\0') {
    ++n;
  }
  answer8(r, n);
  memcpy(answer_bytes(r, n), text, n);
}

tm_answer tm_runner_failed(runner *r, tm_status s) {
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

const tm_tensor_info *tm_runner_find(const runner *r, uint32_t kind, uint32_t index) {
  const tm_model *m = r->model;
  const tm_tensor_info *list = kind == TM_KIND_INPUT ? m->input : kind == TM_KIND_OUTPUT ? m->output : kind == TM_KIND_TENSOR ? m->tensor : NULL;
  const uint32_t n = kind == TM_KIND_INPUT ? m->inputs : kind == TM_KIND_OUTPUT ? m->outputs : m->tensors;
  return list != NULL && index < n ? &list[index] : NULL;
}

static tm_answer identify(runner *r, request q) {
  (void)q;
  const tm_model *m = r->model;
  tm_runner_forget_inputs(r);
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
  answer32(r, tm_model_arena_bytes(m));
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
  const tm_tensor_info *t = tm_runner_find(r, q.p[0], tm_get16(q.p + 1));
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

static tm_answer dispatch(runner *r, uint32_t command, request q) {
  static const handler handlers[] = {identify,        describe,          tm_runner_set_input, tm_runner_invoke,    tm_runner_run_to,
                                     tm_runner_read,  tm_runner_profile, stack,               tm_runner_self_test, tm_runner_test_network};
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
    static const uint8_t pad[8] = {0};
    tm_port_write(r->tx, r->answered);
    tm_port_write(pad, sizeof pad); /* the answer may lose bytes again: its receiver then need not wait for them */
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
#if TM_RUNNER_TEXT
  r->text.loaded = r->text.kept = r->text.results = 0; /* the answer goes where a text session keeps its input */
  r->text.left = 0;
#endif
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
  r->rx.count_mask = r->port.count_bits < 64u ? ((uint64_t)1 << r->port.count_bits) - 1u : ~(uint64_t)0;
  const uint32_t hz = r->port.count_hz != 0 ? r->port.count_hz : r->port.clock_hz;
  r->rx.stale_ticks = hz != 0 ? (uint64_t)STALE_S * hz : ~(uint64_t)0;
  tm_runner_forget_inputs(r);
  paint_stack(r);
#if TM_RUNNER_TEXT
  tm_text_hello();
#endif
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
      case TM_FRAME_TEXT:
#if TM_RUNNER_TEXT
        tm_text_line(r, r->rx.buf, f.len);
#endif
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
