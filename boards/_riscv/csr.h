/*
 * Registers and counters every RISC-V port uses.
 * Source: The RISC-V Instruction Set Manual, volume II, privileged architecture 1.10: 3.1.15 hardware performance monitor.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_RISCV_CSR_H
#define TM_BOARD_RISCV_CSR_H

#include "../_common/reg.h"

#ifndef CSR_READ
#define CSR_READ(name, to) __asm volatile("csrr %0, " name : "=r"(to))
#define CSR_WRITE(name, from) __asm volatile("csrw " name ", %0" : : "r"((uint32_t)(from)))
#endif

/* A 64-bit counter from its two halves; the upper one is read again in case the lower one wrapped in between. */
#define CSR_COUNT64(low_name, high_name) \
  uint32_t low, high, again;             \
  do {                                   \
    CSR_READ(high_name, high);           \
    CSR_READ(low_name, low);             \
    CSR_READ(high_name, again);          \
  } while (high != again);               \
  return (uint64_t)high << 32 | low

static inline uint64_t count_cycles(void) { CSR_COUNT64("mcycle", "mcycleh"); }
static inline uint64_t count_instructions(void) { CSR_COUNT64("minstret", "minstreth"); }

#endif /* TM_BOARD_RISCV_CSR_H */
