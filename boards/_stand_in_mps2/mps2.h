/*
 * Arm MPS2 (AN385/AN386/AN500) with CMSDK UART0 and the FPGA's counters.
 * Source: Arm DDI 0479 (CMSDK: APB UART), Arm 100112 (MPS2 technical reference: FPGA system registers).
 *
 * A port defines MPS2_FLAGS before it includes this: TM_FLAG_STAND_IN where the machine stands in for another board, else 0.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_MPS2_H
#define TM_BOARD_MPS2_H

#include "../_cortex_m/reg.h"

#define UART0 0x40004000u
#define FPGAIO 0x40028000u

enum {
  TICK_HZ = 25000000,
  UART_HZ = TICK_HZ,
#if defined(__ARM_FP)
  FPU = TM_FLAG_FPU,
#else
  FPU = 0,
#endif
};

#include "../_cortex_m/fpga.h"

/*
 * Below the RAM of some of these machines writes vanish silently. The memory protection unit takes 64 KiB there away, so that an
 * overflow of the stack faults as it does on a board. The stack's lowest address is a multiple of 64 KiB. DDI 0403E, B3.5.
 */
static void guard_stack(void) {
  REG32(0xE000ED98u) = 0;                                                  /* RNR */
  REG32(0xE000ED9Cu) = (uint32_t)(uintptr_t)__stack_bottom - 0x10000u;     /* RBAR */
  REG32(0xE000EDA0u) = BIT(28) | 0u << 24 | 15u << 1 | 1u;                 /* RASR: execute never, no access, 2^16 bytes, on */
  REG32(0xE000ED94u) = 5u;                                                 /* CTRL: on, and memory elsewhere as without it */
  BARRIER();
}

void tm_port_init(void) {
  uart_start();
  ticks_start();
  guard_stack();
}

void tm_port_get_info(tm_port_info *info) {
  static const tm_port_info fixed = {
      TM_BOARD_NAME, TICK_HZ, TICK_HZ, TM_COUNT_TICKS, 64, (uint32_t)MPS2_FLAGS | (uint32_t)FPU, __stack_bottom, __stack_top,
  };
  *info = fixed;
}

uint64_t tm_port_count(void) { return ticks(); }

#endif /* TM_BOARD_MPS2_H */
