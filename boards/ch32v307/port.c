/*
 * CH32V307V evaluation board: 144 MHz from the 8 MHz crystal, USART1 of the WCH-LinkE on PA9 (TX) and PA10 (RX), the 64-bit SysTick
 * (the core has no mcycle).
 * Source: CH32FV2x_V3x reference manual: RCC (CFGR0, CFGR2); QingKe V4 processor manual: SysTick, corecfgr.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
enum { FULL_HZ = 144000000, APB2_HZ = 144000000 };

/* 8 MHz / 1 (CFGR2.PREDIV1) * 18 (CFGR0.PLLMUL = 0 in this chip) = 144 MHz; APB1 = 144 / 2; PLLSRC: crystal */
#define CFGR2_FULL 0u
#define CFGR0_FULL (0u << 18 | 1u << 16 | 4u << 8)
#include "../_gd32_ch32/port.h"

#define STK 0xE000F000u
#define STK_CTLR (STK + 0x00u)
#define STK_CNTL (STK + 0x08u)
#define STK_CNTH (STK + 0x0Cu)

void tm_port_init(void) {
  CSR_WRITE("0xBC0", 0x1F); /* corecfgr: pipeline and branch prediction on, as the vendor's start-up code has it */
  clock_and_console_start();
  REG32(STK_CTLR) = 0;
  REG32(STK_CNTL) = 0;
  REG32(STK_CNTH) = 0;
  REG32(STK_CTLR) = 1u | 1u << 2; /* STE; STCLK: the core's clock, not an eighth of it; upwards and never reloaded */
  port_counter(TM_COUNT_CYCLES, port.clock_hz, 64);
}

uint64_t tm_port_count(void) {
  uint32_t low, high;
  do {
    high = REG32(STK_CNTH);
    low = REG32(STK_CNTL);
  } while (high != REG32(STK_CNTH)); /* at most twice: the upper half changes every 30 s */
  return (uint64_t)high << 32 | low;
}
