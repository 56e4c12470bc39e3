/*
 * The core peripherals every Cortex-M port uses.
 * Source: Arm v7-M Architecture Reference Manual (DDI 0403E), chapters B3 (system control space) and C1 (debug, DWT).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_CORTEX_M_REG_H
#define TM_BOARD_CORTEX_M_REG_H

#include "../_common/reg.h"

#ifndef BARRIER
#define BARRIER() __asm volatile("dsb\n\tisb" ::: "memory")
#endif

/* Starts DWT CYCCNT. 1: it counts (an emulator's does not). The lock register exists on Cortex-M7 only; others ignore it. */
static inline int cycle_counter_start(void) {
  REG32(0xE000EDFCu) |= BIT(24);    /* DEMCR.TRCENA */
  REG32(0xE0001FB0u) = 0xC5ACCE55u; /* DWT_LAR */
  REG32(0xE0001004u) = 0;           /* DWT_CYCCNT */
  REG32(0xE0001000u) |= 1u;         /* DWT_CTRL.CYCCNTENA */
  const uint32_t a = REG32(0xE0001004u);
  const uint32_t b = REG32(0xE0001004u);
  return a != b;
}

static inline uint32_t cycle_counter(void) { return REG32(0xE0001004u); }

#endif /* TM_BOARD_CORTEX_M_REG_H */
