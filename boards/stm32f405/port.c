/*
 * STM32F405: 168 MHz from the internal oscillator (so that no crystal is assumed), USART1 on PA9 (TX) and PA10 (RX), DWT
 * CYCCNT, or TIM2 where the core has no cycle counter.
 * Source: RM0090 rev 19: 3.5 (flash), 6.3 (RCC), 5.1.4 (voltage scaling), 8.4 (GPIO), 18.4 (TIM2), 30.6 (USART).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u
#define USART_GENERATION 1
#include "../_stm32/usart.h"

#define RCC 0x40023800u
#define RCC_CR (RCC + 0x00u)
#define RCC_PLLCFGR (RCC + 0x04u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_AHB1ENR (RCC + 0x30u)
#define RCC_APB1ENR (RCC + 0x40u)
#define RCC_APB2ENR (RCC + 0x44u)
#define FLASH_ACR 0x40023C00u
#define GPIOA 0x40020000u
#define TIM2 0x40000000u

enum { HSI_HZ = 16000000, FULL_HZ = 168000000 };

typedef struct port_state {
  uint32_t clock_hz;
  uint32_t timer_hz;
  uint32_t flags;
  uint32_t has_dwt;
} port_state;

static port_state port;

/* 1: the core runs at FULL_HZ. 0: it still runs from the 16 MHz oscillator it starts with. */
static int clock_to_full(void) {
  if (!wait_for(RCC_CR, 1u << 1, 1u << 1)) { /* HSIRDY */
    return 0;
  }
  REG32(RCC_APB1ENR) |= 1u << 28; /* PWR; its reset value already is voltage scale 1, which 168 MHz needs */
  /* VCO 16 MHz / 16 * 336 = 336 MHz; P = 2: 168 MHz; Q = 7: 48 MHz; source HSI */
  REG32(RCC_PLLCFGR) = 7u << 24 | 0u << 16 | 336u << 6 | 16u;
  REG32(RCC_CR) |= 1u << 24; /* PLLON */
  if (!wait_for(RCC_CR, 1u << 25, 1u << 25)) {
    return 0;
  }
  const uint32_t acr = 5u | 1u << 8 | 1u << 9 | 1u << 10; /* 5 wait states; prefetch, instruction and data cache */
  REG32(FLASH_ACR) = acr;
  if (!wait_for(FLASH_ACR, 7u, 5u)) {
    return 0;
  }
  REG32(RCC_CFGR) = 5u << 10 | 4u << 13; /* APB1 = 168 / 4, APB2 = 168 / 2 */
  REG32(RCC_CFGR) |= 2u;                 /* SW: PLL */
  return wait_for(RCC_CFGR, 3u << 2, 2u << 2);
}

void tm_port_init(void) {
  const int full = clock_to_full();
  port.clock_hz = full ? FULL_HZ : HSI_HZ;
  port.timer_hz = full ? FULL_HZ / 2 : HSI_HZ; /* timers on APB1 run at twice its clock where it is divided */
  port.flags = full ? 0u : (uint32_t)TM_FLAG_CLOCK_FALLBACK;
#if defined(__ARM_FP)
  port.flags |= TM_FLAG_FPU;
#endif

  REG32(RCC_AHB1ENR) |= 1u << 0; /* GPIOA */
  REG32(RCC_APB2ENR) |= 1u << 4; /* USART1 */
  REG32(RCC_APB1ENR) |= 1u << 0; /* TIM2 */
  (void)REG32(RCC_APB1ENR);      /* two cycles pass before an enabled peripheral answers */

  REG32(GPIOA + 0x24u) = (REG32(GPIOA + 0x24u) & ~0xFF0u) | 0x770u;                               /* AFRH: PA9, PA10 = AF7 */
  REG32(GPIOA + 0x0Cu) = (REG32(GPIOA + 0x0Cu) & ~(3u << 20)) | 1u << 20;                         /* PUPDR: RX pulled up */
  REG32(GPIOA + 0x00u) = (REG32(GPIOA + 0x00u) & ~(3u << 18 | 3u << 20)) | 2u << 18 | 2u << 20;   /* MODER */
  usart_start(full ? FULL_HZ / 2 : HSI_HZ);

  port.has_dwt = (uint32_t)cycle_counter_start();
  if (!port.has_dwt) {
    REG32(TIM2 + 0x28u) = 0;           /* PSC */
    REG32(TIM2 + 0x2Cu) = 0xFFFFFFFFu; /* ARR */
    REG32(TIM2 + 0x14u) = 1u;          /* EGR.UG: load them */
    REG32(TIM2 + 0x00u) = 1u;          /* CR1.CEN */
  }
}

void tm_port_get_info(tm_port_info *info) {
  info->board = TM_BOARD_NAME;
  info->clock_hz = port.clock_hz;
  info->count_hz = port.has_dwt ? port.clock_hz : port.timer_hz;
  info->count_kind = port.has_dwt ? TM_COUNT_CYCLES : TM_COUNT_TICKS;
  info->count_bits = 32;
  info->flags = port.flags;
  info->stack_low = __stack_bottom;
  info->stack_high = __stack_top;
}

uint64_t tm_port_count(void) { return port.has_dwt ? cycle_counter() : REG32(TIM2 + 0x24u); }
