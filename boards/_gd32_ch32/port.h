/*
 * Clock and console of the GD32VF103 and the CH32V307: RISC-V cores among peripherals laid out like those of the STM32F1.
 *
 * Source: GD32VF103 user manual: RCU, GPIO, USART; CH32FV2x_V3x reference manual: RCC, GPIO, USART. Register names are the latter's.
 * Neither chip's flash needs wait states to be set: the code runs from a fast copy of it.
 *
 * A board defines the limits of its PLL as CFGR0_FULL and CFGR2_FULL, its full clock as FULL_HZ and the clock of its bus APB2 as
 * APB2_HZ before including this. The console is USART1 (GigaDevice: USART0) on PA9 (TX) and PA10 (RX).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_GD32_CH32_PORT_H
#define TM_BOARD_GD32_CH32_PORT_H

#define USART_BASE 0x40013800u
#define USART_GENERATION 1
#include "../_stm32/usart.h"

#include "../_common/info.h"
#include "../_riscv/csr.h"

#define RCC 0x40021000u
#define RCC_CTLR (RCC + 0x00u)
#define RCC_CFGR0 (RCC + 0x04u)
#define RCC_APB2PCENR (RCC + 0x18u)
#define RCC_CFGR2 (RCC + 0x2Cu)
#define GPIOA 0x40010800u

enum { HSI_HZ = 8000000 };

/* Runs from the internal oscillator, nothing divided, PLL off: the state after a reset. A boot loader may leave another. */
static inline int clock_to_hsi(void) {
  REG32(RCC_CTLR) |= 1u; /* HSION */
  if (!wait_for(RCC_CTLR, 2u, 2u)) {
    return 0;
  }
  REG32(RCC_CFGR0) = 0;
  if (!wait_for(RCC_CFGR0, 3u << 2, 0)) {
    return 0;
  }
  REG32(RCC_CTLR) &= ~BIT(24); /* PLLON */
  return wait_for(RCC_CTLR, BIT(25), 0);
}

/* 1: the core runs at FULL_HZ. 0: it runs at HSI_HZ, undivided. */
static inline int clock_to_full(void) {
  if (!clock_to_hsi()) {
    return 0;
  }
  REG32(RCC_CTLR) |= BIT(16); /* HSEON */
  if (!wait_for(RCC_CTLR, BIT(17), BIT(17))) {
    return 0;
  }
  REG32(RCC_CFGR2) = CFGR2_FULL;
  REG32(RCC_CFGR0) = CFGR0_FULL;
  REG32(RCC_CTLR) |= BIT(24); /* PLLON */
  if (!wait_for(RCC_CTLR, BIT(25), BIT(25))) {
    REG32(RCC_CFGR0) = 0;
    return 0;
  }
  REG32(RCC_CFGR0) = CFGR0_FULL | 2u; /* SW: PLL */
  if (!wait_for(RCC_CFGR0, 3u << 2, 2u << 2)) {
    REG32(RCC_CFGR0) = 0;
    return 0;
  }
  return 1;
}

static inline void clock_and_console_start(void) {
  const int full = clock_to_full();
  port_clock(full ? (uint32_t)FULL_HZ : (uint32_t)HSI_HZ, full);
  REG32(RCC_APB2PCENR) |= 1u << 2 | 1u << 14; /* GPIOA, USART1 */
  (void)REG32(RCC_APB2PCENR);
  REG32(GPIOA + 0x10u) = 1u << 10;                 /* BSHR: the pull of PA10 is upwards */
  set_field(GPIOA + 0x04u, 0xFF0u, 0x8u << 8 | 0xBu << 4); /* CFGHR: PA10 pulled input, PA9 alternate push-pull at 50 MHz */
  usart_start(full ? (uint32_t)APB2_HZ : (uint32_t)HSI_HZ);
}

#endif /* TM_BOARD_GD32_CH32_PORT_H */
