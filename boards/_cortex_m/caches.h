/*
 * Caches of the Cortex-M7. Source: Arm v7-M Architecture Reference Manual (DDI 0403E), B2.2 caches and B3.2 (CCR, CCSIDR).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_CORTEX_M_CACHES_H
#define TM_BOARD_CORTEX_M_CACHES_H

#include "reg.h"

/* Turns both caches on, after throwing away whatever they hold since power-on. Returns the TM_FLAG_* that now hold. */
static inline uint32_t caches_on(void) {
  BARRIER();
  REG32(0xE000EF50u) = 0;                    /* ICIALLU */
  BARRIER();
  REG32(0xE000ED14u) |= BIT(17);    /* CCR.IC */
  REG32(0xE000ED84u) = 0;                    /* CSSELR: level 1 data */
  BARRIER();
  const uint32_t size = REG32(0xE000ED80u); /* CCSIDR */
  const uint32_t sets = (size >> 13 & 0x7FFFu) + 1u;
  const uint32_t ways = (size >> 3 & 0x3FFu) + 1u;
  /* DCISW: way in the top bits, set above the line's offset: 4 ways and 32-byte lines on every Cortex-M7 (DDI 0489). */
  for (uint32_t set = 0; set < sets; ++set) {
    for (uint32_t way = 0; way < ways; ++way) {
      REG32(0xE000EF60u) = way << 30 | set << 5;
    }
  }
  BARRIER();
  REG32(0xE000ED14u) |= BIT(16); /* CCR.DC */
  BARRIER();
  const uint32_t on = REG32(0xE000ED14u);
  return ((on >> 17 & 1u) != 0 ? (uint32_t)TM_FLAG_ICACHE : 0u) | ((on >> 16 & 1u) != 0 ? (uint32_t)TM_FLAG_DCACHE : 0u);
}

#endif /* TM_BOARD_CORTEX_M_CACHES_H */
