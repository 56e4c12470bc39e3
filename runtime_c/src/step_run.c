/* A step that is data, portable. Contract: tm/steps.h. Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0 */
#include "tm/steps.h"

tm_status tm_step_run(const tm_steps *all, uint8_t *arena, uint32_t k) {
  tm_step s;
  s.all = all;
  s.arena = arena;
  s.code = all->code;
  s.next = all->tables;
  for (; k > 0; --k) {
    s.next += s.code[1] & 7u;
    s.code += s.code[0];
  }
  uint32_t f = s.code[1] >> 3;
  s.code += 2;
  if (f == 31u) {
    f = s.code[0] | (uint32_t)s.code[1] << 8;
    s.code += 2;
  }
  return all->functions[f](&s);
}
