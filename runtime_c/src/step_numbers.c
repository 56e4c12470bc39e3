/* Numbers of a step from bytes, portable. Contract: tm/steps.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/steps.h"

#include <string.h>

const uint8_t *tm_step_numbers(void *to, uint32_t n, const uint8_t *code) {
  uint8_t *at = (uint8_t *)to;
  for (; n > 0; --n) {
    uint32_t v = *code & 127u;
    for (uint32_t shift = 7; *code++ > 127u; shift += 7u) {
      v |= (*code & 127u) << shift;
    }
    v = v >> 1 ^ (0u - (v & 1u));
    memcpy(at, &v, sizeof v);
    at += sizeof v;
  }
  return code;
}
