/*
 * Inputs in, steps done, tensors out.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "state.h"

#include <string.h>

void tm_runner_forget_inputs(runner *r) {
  r->complete = 0;
  r->position = TM_RUNNER_IDLE;
  r->input = 0;
  r->next = 0;
  r->crc = 0;
}

/* Of the rows of this input that have been pushed in so far: ticks spent in the model, and what it said. */
static uint64_t push_ticks(const runner *r) {
#if TM_RUNNER_PUSH
  return r->push_ticks;
#else
  (void)r;
  return 0;
#endif
}

static tm_status push_status(const runner *r) {
#if TM_RUNNER_PUSH
  return r->push_status;
#else
  (void)r;
  return TM_OK;
#endif
}

void tm_runner_write_input(runner *r, const tm_tensor_info *t, uint8_t type, uint32_t first, uint32_t count, const uint8_t *src) {
#if TM_RUNNER_PUSH
  const tm_model *m = r->model;
  if (m->push_row == NULL || t != &m->input[0]) {
    tm_tensor_write(r->arena, t, type, first, count, src);
    return;
  }
  const uint32_t row = (uint32_t)t->geom.w * (uint32_t)t->geom.c;
  if (first == 0) {
    r->push_ticks = 0;
    r->push_status = TM_OK;
  }
  while (count > 0) {
    const uint32_t y = first / row;
    const uint32_t at = first % row;
    const uint32_t n = count < row - at ? count : row - at;
    const uint32_t slot = t->geom.ring == 0 ? y : y % (uint32_t)t->geom.ring;
    tm_tensor_info one = *t;
    one.offset += slot * (uint32_t)t->geom.row_stride * tm_elem_bytes(t->dtype);
    one.geom.h = 1;
    one.geom.ring = 0;
    tm_tensor_write(r->arena, &one, type, at, n, src);
    if (at + n == row && r->push_status == TM_OK) {
      const uint64_t before = tm_port_count();
      r->push_status = m->push_row(r->arena, (int32_t)y);
      r->push_ticks += (tm_port_count() - before) & r->rx.count_mask;
    }
    src += (size_t)n * tm_elem_bytes(type);
    first += n;
    count -= n;
  }
#else
  tm_tensor_write(r->arena, t, type, first, count, src);
#endif
}

static int inputs_complete(const runner *r) {
  for (uint32_t k = 0; k < r->model->inputs; ++k) {
    if ((r->complete >> k & 1u) == 0) {
      return 0;
    }
  }
  return 1;
}

/* index, offset, CRC of the input's bytes up to and including these, bytes. Offset 0 starts the input again. */
tm_answer tm_runner_set_input(runner *r, request q) {
  if (q.n < 10) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t index = tm_get16(q.p);
  const uint32_t offset = tm_get32(q.p + 2);
  const uint32_t n = q.n - 10u;
  const tm_tensor_info *t = tm_runner_find(r, TM_KIND_INPUT, index);
  if (t == NULL || index >= 32u || !tm_tensor_converts(t, t->io_dtype)) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t elem = tm_elem_bytes(t->io_dtype);
  const uint32_t size = tm_tensor_elements(t) * elem;
  if (offset % elem != 0 || n % elem != 0 || offset > size || n > size - offset) {
    return TM_ANSWER_ARGUMENT;
  }
  if (r->position != TM_RUNNER_IDLE) {
    tm_runner_forget_inputs(r); /* an inference may have overwritten every input */
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
  tm_runner_write_input(r, t, t->io_dtype, offset / elem, n / elem, q.p + 10);
  if (push_status(r) != TM_OK) {
    return tm_runner_failed(r, push_status(r));
  }
  r->crc = crc;
  r->next = offset + n;
  if (r->next == size) {
    r->complete |= (uint32_t)1 << index;
  }
  return TM_ANSWER_OK;
}

static int can_start(const runner *r) { return r->fit == TM_OK && r->position == TM_RUNNER_IDLE && inputs_complete(r); }

/* How often, and on what: runs inferences on generated inputs; seed 0: one on the inputs that the host has sent. */
typedef struct repeat {
  uint32_t runs, seed;
} repeat;

/* The optional end of a request: runs u16, seed u32. 0: malformed. */
static int get_repeat(request q, uint32_t at, repeat *out) {
  out->runs = 1;
  out->seed = 0;
  if (q.n == at) {
    return 1;
  }
  if (q.n != at + 6u) {
    return 0;
  }
  out->runs = tm_get16(q.p + at);
  out->seed = tm_get32(q.p + at + 2);
  return out->runs != 0 && out->seed != 0;
}

/* Inputs in place for the next run? An inference may overwrite them, so generated ones are made anew every time. */
static int prepare(runner *r, uint32_t seed) {
  if (seed == 0) {
    return can_start(r);
  }
  if (r->fit != TM_OK) {
    return 0;
  }
  tm_runner_forget_inputs(r);
  tm_runner_generate_inputs(r, seed);
  return 1;
}

/* What reading the counter costs. */
static uint64_t reading_ticks(void) {
  const uint64_t c0 = tm_port_count();
  const uint64_t c1 = tm_port_count();
  return c1 - c0;
}

/* Whole inferences, timed from outside. */
tm_answer tm_runner_invoke(runner *r, request q) {
  repeat want;
  uint64_t sum = 0;
  uint64_t least = ~(uint64_t)0;
  uint64_t most = 0;
  if (!get_repeat(q, 0, &want)) {
    return TM_ANSWER_ARGUMENT;
  }
  for (uint32_t k = 0; k < want.runs; ++k) {
    if (!prepare(r, want.seed)) {
      return TM_ANSWER_NOT_READY;
    }
    const uint64_t before = tm_port_count();
    const tm_status s = tm_model_invoke(r->model, r->arena);
    const uint64_t ticks = ((tm_port_count() - before) & r->rx.count_mask) + push_ticks(r);
    tm_runner_forget_inputs(r);
    if (s != TM_OK) {
      return tm_runner_failed(r, s);
    }
    sum += ticks;
    least = ticks < least ? ticks : least;
    most = ticks > most ? ticks : most;
  }
  r->position = r->model->steps;
  answer64(r, sum);
  answer64(r, reading_ticks());
  if (want.seed != 0) {
    answer64(r, least);
    answer64(r, most);
  }
  return TM_ANSWER_OK;
}

/* Goes on until `step` steps are done. */
tm_answer tm_runner_run_to(runner *r, request q) {
  if (q.n != 4) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t step = tm_get32(q.p);
  if (step > r->model->steps || (r->position != TM_RUNNER_IDLE && step < r->position)) {
    return TM_ANSWER_ARGUMENT;
  }
  if (r->position == TM_RUNNER_IDLE && !can_start(r)) {
    return TM_ANSWER_NOT_READY;
  }
  uint32_t k = r->position == TM_RUNNER_IDLE ? 0u : r->position;
  for (; k < step; ++k) {
    const tm_status s = r->model->run_step(r->arena, k);
    if (s != TM_OK) {
      tm_runner_forget_inputs(r);
      return tm_runner_failed(r, s);
    }
  }
  r->position = k;
  answer32(r, k);
  return TM_ANSWER_OK;
}

/* kind, index, offset in bytes, bytes wanted. Outputs in the model file's type, other tensors as they are stored. */
tm_answer tm_runner_read(runner *r, request q) {
  if (q.n != 9) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t kind = q.p[0];
  const uint32_t offset = tm_get32(q.p + 3);
  const uint32_t n = tm_get16(q.p + 7);
  const tm_tensor_info *t = kind == TM_KIND_INPUT ? NULL : tm_runner_find(r, kind, tm_get16(q.p + 1));
  if (t == NULL) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint8_t type = kind == TM_KIND_OUTPUT ? t->io_dtype : t->dtype;
  if (!tm_tensor_converts(t, type)) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t elem = tm_elem_bytes(type);
  const uint32_t size = tm_tensor_elements(t) * elem;
  if (offset % elem != 0 || n % elem != 0 || offset > size || n > size - offset || n > TM_RUNNER_PAYLOAD - 1u) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t first = kind == TM_KIND_OUTPUT ? r->model->steps : t->born;
  const uint32_t last = kind == TM_KIND_OUTPUT ? r->model->steps : t->dead;
  if (r->position == TM_RUNNER_IDLE || r->position < first || r->position > last) {
    return TM_ANSWER_NOT_READY;
  }
  tm_tensor_read(r->arena, t, type, offset / elem, n / elem, answer_bytes(r, n));
  return TM_ANSWER_OK;
}

/* Inferences with the counter read around every step; answers with the sums of as many steps from `first` on as fit. */
tm_answer tm_runner_profile(runner *r, request q) {
  repeat want;
  if (q.n < 4 || !get_repeat(q, 4, &want)) {
    return TM_ANSWER_ARGUMENT;
  }
  const uint32_t steps = r->model->steps;
  const uint32_t first = tm_get32(q.p);
  if (first > steps) {
    return TM_ANSWER_ARGUMENT;
  }
  if (want.seed == 0 && !can_start(r)) {
    return TM_ANSWER_NOT_READY;
  }
  const uint32_t room = (TM_RUNNER_PAYLOAD - 1u - 14u) / 8u;
  const uint32_t rows = steps - first < room ? steps - first : room;
  answer64(r, reading_ticks());
  answer32(r, first);
  answer16(r, rows);
  uint8_t *const row = answer_bytes(r, 8u * rows);
  memset(row, 0, (size_t)8u * rows);
  for (uint32_t run = 0; run < want.runs; ++run) {
    if (!prepare(r, want.seed)) {
      return TM_ANSWER_NOT_READY;
    }
    for (uint32_t k = 0; k < steps; ++k) {
      const uint64_t before = tm_port_count();
      const tm_status s = r->model->run_step(r->arena, k);
      /* what rows pushed in have set off belongs to the stage that takes them */
      const uint64_t ticks = ((tm_port_count() - before) & r->rx.count_mask) + (k == 0 ? push_ticks(r) : 0);
      if (s != TM_OK) {
        tm_runner_forget_inputs(r);
        r->out = 1;
        return tm_runner_failed(r, s);
      }
      if (k - first < rows) {
        uint8_t *const sum = row + (size_t)8u * (k - first);
        tm_put64(sum, tm_get64(sum) + ticks);
      }
    }
    tm_runner_forget_inputs(r);
  }
  r->position = steps;
  return TM_ANSWER_OK;
}
