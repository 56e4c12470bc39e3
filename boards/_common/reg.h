/*
 * Register access and bounded waiting, for every port. A test on the host may put a register file in the place of the hardware by
 * defining REG32, REG16 and REG8 first.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_REG_H
#define TM_BOARD_REG_H

#include "tm/port.h"

#ifndef REG32
#define REG32(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define REG16(address) (*(volatile uint16_t *)(uintptr_t)(address))
#define REG8(address) (*(volatile uint8_t *)(uintptr_t)(address))
#endif

#define BIT(n) ((uint32_t)1 << (n))

/* Polls at most this often: longer than any data sheet's start-up time of a crystal, PLL or regulator, at any clock of the core. */
#ifndef WAIT_LIMIT
#define WAIT_LIMIT 200000u
#endif

/* Waits until (register & mask) == want. 1: it came true; 0: it did not, in WAIT_LIMIT polls. */
static inline int wait_for(uint32_t address, uint32_t mask, uint32_t want) {
  for (uint32_t i = 0; i < WAIT_LIMIT; ++i) {
    if ((REG32(address) & mask) == want) {
      return 1;
    }
  }
  return 0;
}

/* The field of `mask` becomes `value`, both in place. */
static inline void set_field(uint32_t address, uint32_t mask, uint32_t value) { REG32(address) = (REG32(address) & ~mask) | value; }

extern uint8_t __stack_bottom[], __stack_top[];

#endif /* TM_BOARD_REG_H */
