/*
 * What Arm's FPGA boards (MPS2, MPS3) have in common: a CMSDK UART and the FPGA's counters.
 * Source: Arm DDI 0479 (CMSDK: APB UART), Arm 100112 (MPS2 technical reference: FPGA system registers), which MPS3 keeps.
 *
 * A port defines UART0 and FPGAIO, the addresses of both, UART_HZ, the UART's clock, and TICK_HZ, the counter's, before it
 * includes this.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_FPGA_H
#define TM_BOARD_FPGA_H

#include "reg.h"

#define SECONDS (FPGAIO + 0x10u) /* counts at 1 Hz */
#define TICKS (FPGAIO + 0x18u)   /* counts at TICK_HZ, wraps */

static inline void uart_start(void) {
  REG32(UART0 + 0x10u) = (UART_HZ + TM_BAUD / 2u) / TM_BAUD; /* BAUDDIV */
  REG32(UART0 + 0x08u) = 3u;                                 /* CTRL: transmitter and receiver on */
  (void)REG32(UART0); /* DATA: an emulator that held bytes back until now is asked for them */
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

static inline void ticks_start(void) { REG32(FPGAIO + 0x1Cu) = 0; /* PRESCALE: the tick counter takes every clock */ }

/*
 * The 32-bit tick counter, extended to 64 bits by the seconds: the value congruent to it modulo 2^32 that lies nearest to
 * seconds * TICK_HZ. Both count from the same reset, the seconds are at most one too few, and 2^31 ticks are 86 s at 25 MHz.
 */
static inline uint64_t ticks(void) {
  const uint32_t seconds = REG32(SECONDS);
  const uint32_t count = REG32(TICKS);
  const uint64_t near = (uint64_t)seconds * (uint64_t)TICK_HZ;
  return near + (uint64_t)(int64_t)(int32_t)(count - (uint32_t)near);
}

#endif /* TM_BOARD_FPGA_H */
