/*
 * Registers and counters every RISC-V port uses.
 * Source: The RISC-V Instruction Set Manual, volume II, privileged architecture 1.10: 3.1.15 hardware performance monitor.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_RISCV_CSR_H
#define TM_BOARD_RISCV_CSR_H

#include "tm/port.h"

#define REG32(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define REG8(address) (*(volatile uint8_t *)(uintptr_t)(address))

/* Polls at most this often for a clock: far longer than any data sheet's start-up time at any clock. */
#define WAIT_LIMIT 200000u

static inline int wait_for(uintptr_t address, uint32_t mask, uint32_t want) {
  for (uint32_t i = 0; i < WAIT_LIMIT; ++i) {
    if ((REG32(address) & mask) == want) {
      return 1;
    }
  }
  return 0;
}

extern uint8_t __stack_bottom[], __stack_top[];

/* A 64-bit counter from its two halves; the upper one is read again in case the lower one wrapped in between. */
#define CSR_COUNT64(low_name, high_name)                        \
  uint32_t low, high, again;                                    \
  do {                                                          \
    __asm volatile("csrr %0, " high_name : "=r"(high));         \
    __asm volatile("csrr %0, " low_name : "=r"(low));           \
    __asm volatile("csrr %0, " high_name : "=r"(again));        \
  } while (high != again);                                      \
  return (uint64_t)high << 32 | low

static inline uint64_t count_cycles(void) { CSR_COUNT64("mcycle", "mcycleh"); }
static inline uint64_t count_instructions(void) { CSR_COUNT64("minstret", "minstreth"); }

#endif /* TM_BOARD_RISCV_CSR_H */
