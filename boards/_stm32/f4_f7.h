/*
 * The port of every STM32F4 and F7 board: clock, console, counter. Both families have the same RCC, PWR and GPIO registers.
 *
 * Source: RM0090 (F405, F407), RM0383 (F411), RM0390 (F446), RM0385 (F7): the chapters on the embedded flash, PWR and RCC, and the
 * register maps of GPIO, TIM2 and USART. The order of the steps is that of RM0390 section 5.1.4, "entering over-drive mode".
 *
 * A board defines USART_BASE and USART_GENERATION before including this, describes itself as an stm32_setup, and hands it to
 * stm32_start() from its tm_port_init().
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_STM32_F4_F7_H
#define TM_BOARD_STM32_F4_F7_H

#include "../_common/info.h"
#include "../_cortex_m/reg.h"
#include "gpio.h"
#include "usart.h"

#define RCC 0x40023800u
#define RCC_CR (RCC + 0x00u)
#define RCC_PLLCFGR (RCC + 0x04u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_AHB3RSTR (RCC + 0x18u)
#define RCC_AHB1ENR (RCC + 0x30u)
#define RCC_AHB3ENR (RCC + 0x38u)
#define RCC_APB1ENR (RCC + 0x40u)
#define RCC_APB2ENR (RCC + 0x44u)
#define PWR_CR 0x40007000u
#define PWR_CSR 0x40007004u
#define FLASH_ACR 0x40023C00u
#define GPIOA 0x40020000u
#define TIM2 0x40000000u

enum { HSI_HZ = 16000000 };

/* PWR_CR.VOS, voltage scale 1: one bit in the F405 and F407 (RM0090), two in the others. */
#define VOS_SCALE1_F405 (1u << 14)
#define VOS_SCALE1 (3u << 14)

/* FLASH_ACR beside the wait states. F4: prefetch, instruction and data cache; F7: prefetch and ART accelerator. */
#define ACR_F4 (1u << 8 | 1u << 9 | 1u << 10)
#define ACR_F7 (1u << 8 | 1u << 9)

typedef struct stm32_setup {
  uint32_t hse_hz; /* 0: the internal oscillator feeds the PLL */
  uint32_t hse_bypass; /* 1: a clock comes in, not a crystal */
  uint32_t m, n, p, q, r; /* core clock = input / m * n / p. q: at most 48 MHz; r: 2..7 where the chip has it */
  uint32_t vos;
  uint32_t overdrive;
  uint32_t acr;
  uint32_t wait_states;
  uint32_t apb1, apb2; /* divisors of the core clock: 1, 2, 4, 8, 16 */
  uint32_t usart_apb; /* the bus the USART hangs on: 1 or 2 */
  uint32_t usart_enable; /* its bit in that bus's enable register */
  stm32_pin tx, rx;
} stm32_setup;

static inline uint32_t stm32_full_hz(const stm32_setup *s) { return (s->hse_hz != 0 ? s->hse_hz : HSI_HZ) / s->m * s->n / s->p; }

/* The PPRE field of a divisor: 0, 4, 5, 6, 7 for 1, 2, 4, 8, 16. */
static inline uint32_t stm32_apb_field(uint32_t divisor) {
  uint32_t field = 0;
  for (uint32_t d = divisor; d > 1u; d /= 2u) {
    field = field == 0 ? 4u : field + 1u;
  }
  return field;
}

/* Runs from the internal oscillator, nothing divided, PLL off: the state after a reset. A boot loader may leave another. */
static inline int stm32_to_hsi(void) {
  REG32(RCC_CR) |= 1u;               /* HSION */
  if (!wait_for(RCC_CR, 2u, 2u)) {   /* HSIRDY */
    return 0;
  }
  REG32(RCC_CFGR) = 0;
  if (!wait_for(RCC_CFGR, 3u << 2, 0)) {
    return 0;
  }
  REG32(RCC_CR) &= ~BIT(24); /* PLLON */
  return wait_for(RCC_CR, BIT(25), 0);
}

static inline int stm32_start_hse(const stm32_setup *s) {
  if (s->hse_bypass) {
    REG32(RCC_CR) |= BIT(18); /* HSEBYP: can be written only while HSE is off */
  }
  REG32(RCC_CR) |= BIT(16); /* HSEON */
  return wait_for(RCC_CR, BIT(17), BIT(17));
}

static inline int stm32_start_pll(const stm32_setup *s) {
  REG32(RCC_APB1ENR) |= BIT(28); /* PWR */
  (void)REG32(RCC_APB1ENR);      /* two cycles pass before an enabled peripheral answers */
  set_field(PWR_CR, s->vos, s->vos); /* takes effect when the PLL starts (RM0383: voltage regulator) */
  REG32(RCC_PLLCFGR) = s->r << 28 | s->q << 24 | (s->hse_hz != 0 ? BIT(22) : 0u) | (s->p / 2u - 1u) << 16 | s->n << 6 | s->m;
  REG32(RCC_CR) |= BIT(24); /* PLLON */
  if (s->overdrive) {
    REG32(PWR_CR) |= BIT(16); /* ODEN */
    if (!wait_for(PWR_CSR, BIT(16), BIT(16))) {
      return 0;
    }
    REG32(PWR_CR) |= BIT(17); /* ODSWEN */
    if (!wait_for(PWR_CSR, BIT(17), BIT(17))) {
      return 0;
    }
  }
  return wait_for(PWR_CSR, BIT(14), BIT(14)) && wait_for(RCC_CR, BIT(25), BIT(25)); /* VOSRDY, PLLRDY */
}

/* 1: the core runs at its full clock. 0: it runs from the internal oscillator, undivided. */
static inline int stm32_clock(const stm32_setup *s) {
  if (!stm32_to_hsi() || (s->hse_hz != 0 && !stm32_start_hse(s)) || !stm32_start_pll(s)) {
    return 0;
  }
  REG32(FLASH_ACR) = s->wait_states | s->acr;
  if (!wait_for(FLASH_ACR, 15u, s->wait_states)) {
    return 0;
  }
  const uint32_t buses = stm32_apb_field(s->apb1) << 10 | stm32_apb_field(s->apb2) << 13;
  REG32(RCC_CFGR) = buses; /* before the clock rises: the buses have lower limits than the core */
  REG32(RCC_CFGR) = buses | 2u; /* SW: PLL */
  if (!wait_for(RCC_CFGR, 3u << 2, 2u << 2)) {
    REG32(RCC_CFGR) = 0;
    return 0;
  }
  return 1;
}

static inline void stm32_start(const stm32_setup *s) {
  const int full = stm32_clock(s);
  const uint32_t clock_hz = full ? stm32_full_hz(s) : HSI_HZ;
  const uint32_t apb1_hz = full ? clock_hz / s->apb1 : clock_hz;
  const uint32_t apb2_hz = full ? clock_hz / s->apb2 : clock_hz;
  port_clock(clock_hz, full);

  REG32(RCC_AHB1ENR) |= BIT(s->tx.port) | BIT(s->rx.port);
  const uint32_t enable = s->usart_apb == 1u ? RCC_APB1ENR : RCC_APB2ENR;
  REG32(enable) |= s->usart_enable;
  (void)REG32(enable);
  stm32_alternate(GPIOA, s->tx);
  stm32_alternate(GPIOA, s->rx);
  usart_start(s->usart_apb == 1u ? apb1_hz : apb2_hz);

  if (cycle_counter_start()) {
    port_counter(TM_COUNT_CYCLES, clock_hz, 32);
    return;
  }
  /* No cycle counter (an emulator): TIM2. Timers run at twice the clock of a bus that is divided. */
  REG32(RCC_APB1ENR) |= 1u;
  (void)REG32(RCC_APB1ENR);
  REG32(TIM2 + 0x28u) = 0;           /* PSC */
  REG32(TIM2 + 0x2Cu) = 0xFFFFFFFFu; /* ARR */
  REG32(TIM2 + 0x14u) = 1u;          /* EGR.UG: load them */
  REG32(TIM2 + 0x00u) = 1u;          /* CR1.CEN */
  port_counter(TM_COUNT_TICKS, full && s->apb1 > 1u ? 2u * apb1_hz : apb1_hz, 32);
}

uint64_t tm_port_count(void) { return port.count_kind == (uint8_t)TM_COUNT_CYCLES ? cycle_counter() : REG32(TIM2 + 0x24u); }

#endif /* TM_BOARD_STM32_F4_F7_H */
