/* Numbers of a step from bytes, portable. Contract: tm/steps.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/steps.h"

#include <string.h>

static uint8_t *put(uint8_t *at, uint32_t v) {
  memcpy(at, &v, sizeof v);
  return at + sizeof v;
}

const uint8_t *tm_step_numbers(void *to, uint32_t n, const uint8_t *code) {
  uint8_t *at = (uint8_t *)to;
  uint32_t before = 0;
  uint32_t last = 0;
  while (n > 0) {
    uint32_t v = *code & 127u;
    uint32_t shift = 7;
    for (; *code++ > 127u; shift += 7u) {
      v |= (*code & 127u) << shift;
    }
    if (v == 0 && shift > 7u) {
      at = put(put(put(put(at, before * last), last), 0), 0);
      n -= 4u;
      continue;
    }
    before = last;
    last = v >> 1 ^ (0u - (v & 1u));
    at = put(at, last);
    --n;
  }
  return code;
}
