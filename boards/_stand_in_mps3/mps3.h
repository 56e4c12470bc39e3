/*
 * Arm MPS3 with Corstone-300 (AN547), a Cortex-M55: CMSDK UART0, and DWT CYCCNT or the FPGA's counters.
 * Source: Arm DAI 0547 (AN547: memory map, clocks, FPGA system registers), Arm DDI 0479 (CMSDK: APB UART). All addresses are the
 * secure ones: the core starts in the secure state, and the gates of the other aliases are closed until software opens them.
 *
 * A port defines MPS3_FLAGS before it includes this: TM_FLAG_STAND_IN where the machine stands in for another board, else 0.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_MPS3_H
#define TM_BOARD_MPS3_H

#include "../_common/info.h"
#include "../_cortex_m/reg.h"

#define UART0 0x59303000u
#define FPGAIO 0x59302000u

enum {
  CORE_HZ = 32000000,
  UART_HZ = 25000000,
  TICK_HZ = 20000000, /* of the emulated board, where nothing else counts */
};

#include "../_cortex_m/fpga.h"

void tm_port_init(void) {
  uart_start();
  port.flags = MPS3_FLAGS;
  port_clock(CORE_HZ, 1);
  if (cycle_counter_start()) {
    port_counter(TM_COUNT_CYCLES, CORE_HZ, 32);
    return;
  }
  ticks_start();
  port_clock(TICK_HZ, 1);
  port_counter(TM_COUNT_TICKS, TICK_HZ, 64);
}

uint64_t tm_port_count(void) { return port.count_kind == TM_COUNT_CYCLES ? cycle_counter() : ticks(); }

#endif /* TM_BOARD_MPS3_H */
