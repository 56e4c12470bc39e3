/*
 * Proofs that need few bytes on the line: of the arithmetic, and of the whole network.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "state.h"

#include <string.h>

enum { SELF_TEST_WORDS = 1024 };

/* CRC over a pattern that uses 32- and 64-bit multiplication, and the request's payload back. */
tm_answer tm_runner_self_test(runner *r, request q) {
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

/* Marsaglia's xorshift with the shifts 13, 17, 5: period 2^32 - 1 over the numbers that are not 0. */
static uint32_t next_random(uint32_t x) {
  x ^= x << 13;
  x ^= x >> 17;
  return x ^ (x << 5);
}

/* One element in its stored type. int32 and int64 get 0 or 1, which are valid where they are indices. */
static void put_element(uint8_t *dst, uint8_t dtype, uint32_t x) {
  const uint32_t n = tm_elem_bytes(dtype);
  const float f = (float)(x >> 8) * (1.0f / 16777216.0f);
  memset(dst, 0, n);
  if (dtype == TM_F32) {
    memcpy(dst, &f, sizeof f);
  } else if (n <= 2) {
    tm_put16(dst, n == 2 ? x >> 16 : x >> 24);
  } else {
    dst[0] = (uint8_t)(x >> 31);
  }
}

void tm_runner_generate_inputs(runner *r, uint32_t seed) {
  uint8_t element[8];
  for (uint32_t k = 0; k < r->model->inputs; ++k) {
    const tm_tensor_info *t = &r->model->input[k];
    const uint32_t n = tm_tensor_elements(t);
    for (uint32_t e = 0; e < n; ++e) {
      seed = next_random(seed);
      put_element(element, t->dtype, seed);
      tm_runner_write_input(r, t, t->dtype, e, 1, element);
    }
  }
}

/* One inference on generated inputs; answers with the CRC of all outputs in the model file's types. */
tm_answer tm_runner_test_network(runner *r, request q) {
  uint8_t element[8];
  uint32_t crc = 0;
  if (q.n != 4 || tm_get32(q.p) == 0) {
    return TM_ANSWER_ARGUMENT;
  }
  tm_runner_forget_inputs(r);
  if (r->fit != TM_OK) {
    return TM_ANSWER_NOT_READY;
  }
  tm_runner_generate_inputs(r, tm_get32(q.p));
  const tm_status s = tm_model_invoke(r->model, r->arena);
  if (s != TM_OK) {
    return tm_runner_failed(r, s);
  }
  r->position = r->model->steps;
  for (uint32_t k = 0; k < r->model->outputs; ++k) {
    const tm_tensor_info *t = &r->model->output[k];
    const uint32_t n = tm_tensor_elements(t);
    if (!tm_tensor_converts(t, t->io_dtype)) {
      return TM_ANSWER_ARGUMENT;
    }
    for (uint32_t e = 0; e < n; ++e) {
      tm_tensor_read(r->arena, t, t->io_dtype, e, 1, element);
      crc = tm_crc32(crc, element, tm_elem_bytes(t->io_dtype));
    }
  }
  answer32(r, crc);
  return TM_ANSWER_OK;
}
