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
#define SECONDS (FPGAIO + 0x10u) /* counts at 1 Hz */
#define TICKS (FPGAIO + 0x18u)   /* counts at 25 MHz, wraps after 172 s */

enum {
  TICK_HZ = 25000000,
#if defined(__ARM_FP)
  FPU = TM_FLAG_FPU,
#else
  FPU = 0,
#endif
};

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
  REG32(UART0 + 0x10u) = (TICK_HZ + TM_BAUD / 2u) / TM_BAUD; /* BAUDDIV */
  REG32(UART0 + 0x08u) = 3u;  /* CTRL: transmitter and receiver on */
  (void)REG32(UART0);         /* DATA: an emulator that held bytes back until now is asked for them */
  REG32(FPGAIO + 0x1Cu) = 0;  /* PRESCALE: the tick counter takes every clock */
  guard_stack();
}

void tm_port_get_info(tm_port_info *info) {
  static const tm_port_info fixed = {
      TM_BOARD_NAME, TICK_HZ, TICK_HZ, TM_COUNT_TICKS, 64, (uint32_t)MPS2_FLAGS | (uint32_t)FPU, __stack_bottom, __stack_top,
  };
  *info = fixed;
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
 * seconds * 25,000,000. Both count from the same reset, the seconds are at most one too few, and 2^31 ticks are 86 s.
 */
uint64_t tm_port_count(void) {
  const uint32_t seconds = REG32(SECONDS);
  const uint32_t ticks = REG32(TICKS);
  const uint64_t near = (uint64_t)seconds * (uint64_t)TICK_HZ;
  return near + (uint64_t)(int64_t)(int32_t)(ticks - (uint32_t)near);
}

#endif /* TM_BOARD_MPS2_H */
