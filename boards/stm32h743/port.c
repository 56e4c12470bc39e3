/*
 * NUCLEO-H743ZI: 400 MHz from the ST-LINK's 8 MHz clock, caches on, USART3 of the ST-LINK's virtual COM port on PD8 (TX) and
 * PD9 (RX), DWT CYCCNT.
 * Source: RM0433 rev 8: 4.3.8 (flash latency), 6.6 and 6.8 (PWR), 8.5 and 8.7 (RCC), 11.4 (GPIO), 48.7 (USART); UM1974 rev 10 (pins).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40004800u
#define USART_GENERATION 2
#include "../_stm32/usart.h"

#include "../_common/info.h"
#include "../_cortex_m/caches.h"
#include "../_stm32/gpio.h"

#define RCC 0x58024400u
#define RCC_CR (RCC + 0x00u)
#define RCC_CFGR (RCC + 0x10u)
#define RCC_D1CFGR (RCC + 0x18u)
#define RCC_D2CFGR (RCC + 0x1Cu)
#define RCC_D3CFGR (RCC + 0x20u)
#define RCC_PLLCKSELR (RCC + 0x28u)
#define RCC_PLLCFGR (RCC + 0x2Cu)
#define RCC_PLL1DIVR (RCC + 0x30u)
#define RCC_AHB4ENR (RCC + 0xE0u)
#define RCC_APB1LENR (RCC + 0xE8u)
#define PWR_CR3 0x5802480Cu
#define PWR_CSR1 0x58024804u
#define PWR_D3CR 0x58024818u
#define FLASH_ACR 0x52002000u
#define GPIOA 0x58020000u

enum { HSI_HZ = 64000000, FULL_HZ = 400000000, APB1_HZ = 100000000 };

/* Runs from the 64 MHz oscillator, nothing divided, PLL off: the state after a reset. A boot loader may leave another. */
static int clock_to_hsi(void) {
  REG32(RCC_CR) |= 1u; /* HSION */
  if (!wait_for(RCC_CR, 1u << 2, 1u << 2)) {
    return 0;
  }
  set_field(RCC_CR, 3u << 3, 0); /* HSIDIV: 64 MHz */
  REG32(RCC_CFGR) = 0;
  if (!wait_for(RCC_CFGR, 7u << 3, 0)) {
    return 0;
  }
  REG32(RCC_D1CFGR) = 0;
  REG32(RCC_D2CFGR) = 0;
  REG32(RCC_D3CFGR) = 0;
  REG32(RCC_CR) &= ~BIT(24); /* PLL1ON */
  return wait_for(RCC_CR, 1u << 25, 0);
}

/* 1: the core runs at FULL_HZ. 0: it still runs from the 64 MHz oscillator it starts with. */
static int clock_to_full(void) {
  if (!clock_to_hsi()) {
    return 0;
  }
  REG32(PWR_CR3) = (REG32(PWR_CR3) & ~7u) | 2u; /* LDO on, SMPS absent, no bypass: must be written before VOS (6.6.2) */
  if (!wait_for(PWR_CSR1, 1u << 13, 1u << 13)) { /* ACTVOSRDY */
    return 0;
  }
  REG32(PWR_D3CR) = 3u << 14; /* VOS1 */
  if (!wait_for(PWR_D3CR, 1u << 13, 1u << 13)) {
    return 0;
  }
  REG32(RCC_CR) |= 1u << 18; /* HSEBYP: a clock, not a crystal; can be written only while HSE is off */
  REG32(RCC_CR) |= 1u << 16; /* HSEON */
  if (!wait_for(RCC_CR, 1u << 17, 1u << 17)) {
    return 0;
  }
  /* 8 MHz / 4 * 400 = 800 MHz; P = 2: 400 MHz; Q, R = 8: 100 MHz */
  REG32(RCC_PLLCKSELR) = 4u << 4 | 2u;
  REG32(RCC_PLLCFGR) = 1u << 2 | 7u << 16; /* reference 2..4 MHz, wide VCO; outputs P, Q, R */
  REG32(RCC_PLL1DIVR) = 399u | 1u << 9 | 7u << 16 | 7u << 24;
  REG32(RCC_CR) |= 1u << 24; /* PLL1ON */
  if (!wait_for(RCC_CR, 1u << 25, 1u << 25)) {
    return 0;
  }
  REG32(FLASH_ACR) = 2u | 2u << 4; /* 2 wait states and WRHIGHFREQ 2 for 200 MHz at VOS1 */
  if (!wait_for(FLASH_ACR, 15u, 2u)) {
    return 0;
  }
  REG32(RCC_D1CFGR) = 8u | 4u << 4;      /* AXI and AHB = 400 / 2, APB3 = 200 / 2 */
  REG32(RCC_D2CFGR) = 4u << 4 | 4u << 8; /* APB1, APB2 = 200 / 2 */
  REG32(RCC_D3CFGR) = 4u << 4;           /* APB4 = 200 / 2 */
  REG32(RCC_CFGR) = 3u;                  /* SW: PLL1 */
  if (!wait_for(RCC_CFGR, 7u << 3, 3u << 3)) {
    (void)clock_to_hsi();
    return 0;
  }
  return 1;
}

void tm_port_init(void) {
  const int full = clock_to_full();
  port.flags = caches_on();
  port_clock(full ? FULL_HZ : HSI_HZ, full);

  REG32(RCC_AHB4ENR) |= 1u << 3;   /* GPIOD */
  REG32(RCC_APB1LENR) |= 1u << 18; /* USART3, clocked by APB1 */
  (void)REG32(RCC_APB1LENR);       /* two cycles pass before an enabled peripheral answers */
  stm32_alternate(GPIOA, (stm32_pin){3, 8, 7});
  stm32_alternate(GPIOA, (stm32_pin){3, 9, 7});
  usart_start(full ? APB1_HZ : HSI_HZ);

  (void)cycle_counter_start();
  port_counter(TM_COUNT_CYCLES, port.clock_hz, 32);
}

uint64_t tm_port_count(void) { return cycle_counter(); }
