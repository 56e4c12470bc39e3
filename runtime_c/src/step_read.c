/* Numbers of a step from bytes, portable. Contract: tm/steps.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/steps.h"

#include <string.h>

#define PART 209u
#define DENSE 255u
#define DEPTH 3 /* parts in parts */

static uint8_t *put(uint8_t *at, uint32_t v) {
  memcpy(at, &v, sizeof v);
  return at + sizeof v;
}

static uint32_t get(const uint8_t *at) {
  uint32_t v;
  memcpy(&v, at, sizeof v);
  return v;
}

/* n numbers; returns what follows them. */
static const uint8_t *numbers(const uint8_t *parts, const uint8_t *code, uint8_t *at, uint32_t n) {
  struct {
    const uint8_t *code;
    uint8_t *end;
  } outer[DEPTH], *top = outer;
  uint8_t *end = at + 4u * n;
  for (;;) {
    for (; at == end; end = top->end) {
      if (top == outer) {
        return code;
      }
      --top;
      code = top->code;
    }
    uint32_t v = *code++;
    if (v >= PART) {
      if (v == DENSE) {
        const uint32_t c = get(at - 4);
        at = put(put(put(put(at, get(at - 8) * c), c), 0), 0);
      } else {
        top->code = code;
        top->end = end;
        ++top;
        code = parts + parts[v - PART];
        end = at + 4u * *code++;
      }
      continue;
    }
    if (v >= 128u) {
      if (v < 192u) {
        v = (v & 63u) | (uint32_t)*code++ << 6;
      } else if (v < 208u) {
        v = (v & 15u) | (uint32_t)*code++ << 4;
        v |= (uint32_t)*code++ << 12;
      } else {
        v = (uint32_t)code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 | (uint32_t)code[3] << 24;
        code += 4;
      }
    }
    at = put(at, v >> 1 ^ (0u - (v & 1u)));
  }
}

void tm_step_read(tm_step *s, void *to, uint32_t n, uint32_t pointers) {
  const tm_steps *const all = s->all;
  uint32_t v[TM_STEP_POINTERS];
  (void)numbers(all->parts, numbers(all->parts, s->code, (uint8_t *)to, n), (uint8_t *)v, pointers);
  for (uint32_t k = 0; k < pointers; ++k) {
    if (v[k] >> 31 == 0) {
      s->at[k].data = tm_arena(s->arena, v[k] & ((1u << all->arena_bits) - 1u)) + (v[k] >> all->arena_bits) * all->unit;
    } else {
      s->at[k].table = *s->next++;
    }
  }
}
