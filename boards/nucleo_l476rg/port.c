/*
 * NUCLEO-L476RG: 80 MHz from the internal 16 MHz oscillator (not every revision of the board feeds the ST-LINK's clock in), USART2 of
 * the ST-LINK's virtual COM port on PA2 (TX) and PA3 (RX), DWT CYCCNT.
 * Source: RM0351: FLASH (wait states in range 1), PWR (voltage range 1), RCC, USART; DS10198: alternate functions of the pins;
 * UM1724: USART of the virtual COM port.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40004400u /* USART2 */
#define USART_GENERATION 2
#include "../_stm32/usart.h"

#include "../_common/info.h"
#include "../_cortex_m/reg.h"
#include "../_stm32/gpio.h"

#define RCC 0x40021000u
#define RCC_CR (RCC + 0x00u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_PLLCFGR (RCC + 0x0Cu)
#define RCC_AHB2ENR (RCC + 0x4Cu)
#define RCC_APB1ENR1 (RCC + 0x58u)
#define PWR_CR1 0x40007000u
#define PWR_SR2 0x40007014u
#define FLASH_ACR 0x40022000u
#define GPIOA 0x48000000u

enum { MSI_HZ = 4000000, FULL_HZ = 80000000 };

/* Runs from the 4 MHz oscillator, nothing divided, PLL off: the state after a reset. A boot loader may leave another. */
static int clock_to_msi(void) {
  REG32(RCC_CR) |= 1u; /* MSION */
  if (!wait_for(RCC_CR, 2u, 2u)) {
    return 0;
  }
  set_field(RCC_CR, 15u << 4 | 1u << 3, 6u << 4 | 1u << 3); /* MSIRANGE 6: 4 MHz, chosen here (MSIRGSEL) */
  REG32(RCC_CFGR) = 0;
  if (!wait_for(RCC_CFGR, 3u << 2, 0)) {
    return 0;
  }
  REG32(RCC_CR) &= ~BIT(24); /* PLLON */
  return wait_for(RCC_CR, BIT(25), 0);
}

/* 1: the core runs at FULL_HZ. 0: it runs at MSI_HZ. Nothing is divided in either case. */
static int clock_to_full(void) {
  if (!clock_to_msi()) {
    return 0;
  }
  REG32(RCC_APB1ENR1) |= BIT(28); /* PWR */
  (void)REG32(RCC_APB1ENR1);      /* two cycles pass before an enabled peripheral answers */
  set_field(PWR_CR1, 3u << 9, 1u << 9); /* VOS: range 1, needed above 26 MHz */
  if (!wait_for(PWR_SR2, 1u << 10, 0)) { /* VOSF */
    return 0;
  }
  REG32(RCC_CR) |= 1u << 8; /* HSION */
  if (!wait_for(RCC_CR, 1u << 10, 1u << 10)) {
    return 0;
  }
  REG32(RCC_PLLCFGR) = 2u | 1u << 4 | 20u << 8 | BIT(24); /* HSI16 / 2 * 20 = 160 MHz; R: on, / 2 = 80 MHz */
  REG32(RCC_CR) |= BIT(24);                               /* PLLON */
  if (!wait_for(RCC_CR, BIT(25), BIT(25))) {
    return 0;
  }
  REG32(FLASH_ACR) = 4u | 1u << 8 | 1u << 9 | 1u << 10; /* 4 wait states; prefetch, instruction and data cache */
  if (!wait_for(FLASH_ACR, 7u, 4u)) {
    return 0;
  }
  REG32(RCC_CFGR) = 3u; /* SW: PLL; both buses may run at the core's clock */
  if (!wait_for(RCC_CFGR, 3u << 2, 3u << 2)) {
    REG32(RCC_CFGR) = 0;
    return 0;
  }
  return 1;
}

void tm_port_init(void) {
  const int full = clock_to_full();
  port_clock(full ? FULL_HZ : MSI_HZ, full);

  REG32(RCC_AHB2ENR) |= 1u;       /* GPIOA */
  REG32(RCC_APB1ENR1) |= 1u << 17; /* USART2, clocked by APB1 */
  (void)REG32(RCC_APB1ENR1);
  stm32_alternate(GPIOA, (stm32_pin){0, 2, 7});
  stm32_alternate(GPIOA, (stm32_pin){0, 3, 7});
  usart_start(port.clock_hz);

  (void)cycle_counter_start();
  port_counter(TM_COUNT_CYCLES, port.clock_hz, 32);
}

uint64_t tm_port_count(void) { return cycle_counter(); }
