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
#define SECONDS (FPGAIO + 0x10u) /* counts at 1 Hz */
#define TICKS (FPGAIO + 0x18u)   /* wraps after 214 s */

enum {
  CORE_HZ = 32000000,
  UART_HZ = 25000000,
  TICK_HZ = 20000000, /* of the emulated board, where nothing else counts */
};

void tm_port_init(void) {
  REG32(UART0 + 0x10u) = (UART_HZ + TM_BAUD / 2u) / TM_BAUD; /* BAUDDIV */
  REG32(UART0 + 0x08u) = 3u;                                 /* CTRL: transmitter and receiver on */
  (void)REG32(UART0); /* DATA: an emulator that held bytes back until now is asked for them */
  port.flags = MPS3_FLAGS;
  port_clock(CORE_HZ, 1);
  if (cycle_counter_start()) {
    port_counter(TM_COUNT_CYCLES, CORE_HZ, 32);
    return;
  }
  REG32(FPGAIO + 0x1Cu) = 0; /* PRESCALE: the tick counter takes every clock */
  port_clock(TICK_HZ, 1);
  port_counter(TM_COUNT_TICKS, TICK_HZ, 64);
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  uint32_t got = 0;
  while (got < n) {
    if ((REG32(UART0 + 0x04u) & 2u) != 0) { /* STATE: receive buffer full */
      dst[got++] = (uint8_t)REG32(UART0);
    } else if (got > 0) {
      break;
    }
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    if (!wait_for(UART0 + 0x04u, 1u, 0)) { /* STATE: transmit buffer full */
      return; /* nothing takes the bytes: the rest of the frame is lost, and the host asks again */
    }
    REG32(UART0) = src[i];
  }
}

/*
 * The 32-bit tick counter, extended to 64 bits by the seconds: the value congruent to it modulo 2^32 that lies nearest to
 * seconds * TICK_HZ. Both count from the same reset, the seconds are at most one too few, and 2^31 ticks are 107 s.
 */
uint64_t tm_port_count(void) {
  if (port.count_kind == TM_COUNT_CYCLES) {
    return cycle_counter();
  }
  const uint32_t seconds = REG32(SECONDS);
  const uint32_t ticks = REG32(TICKS);
  const uint64_t near = (uint64_t)seconds * (uint64_t)TICK_HZ;
  return near + (uint64_t)(int64_t)(int32_t)(ticks - (uint32_t)near);
}

#endif /* TM_BOARD_MPS3_H */
