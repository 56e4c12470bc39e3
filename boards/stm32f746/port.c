/*
 * STM32F746G-DISCO: 216 MHz from the 25 MHz crystal, caches on, USART1 of the ST-LINK's virtual COM port on PA9 (TX) and
 * PB7 (RX), DWT CYCCNT.
 * Source: RM0385 rev 8: 3.3 (flash), 4.1.4 and 4.4 (PWR, over-drive), 5.3 (RCC), 6.4 (GPIO), 31.8 (USART); UM1907 rev 6 (pins).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u
#define USART_GENERATION 2
#include "../_stm32/usart.h"

#include "../_cortex_m/caches.h"

#define RCC 0x40023800u
#define RCC_CR (RCC + 0x00u)
#define RCC_PLLCFGR (RCC + 0x04u)
#define RCC_CFGR (RCC + 0x08u)
#define RCC_AHB1ENR (RCC + 0x30u)
#define RCC_APB1ENR (RCC + 0x40u)
#define RCC_APB2ENR (RCC + 0x44u)
#define PWR_CR1 0x40007000u
#define PWR_CSR1 0x40007004u
#define FLASH_ACR 0x40023C00u
#define GPIOA 0x40020000u
#define GPIOB 0x40020400u

enum { HSI_HZ = 16000000, FULL_HZ = 216000000 };

typedef struct port_state {
  uint32_t clock_hz;
  uint32_t flags;
} port_state;

static port_state port;

/* 1: the core runs at FULL_HZ. 0: it still runs from the 16 MHz oscillator it starts with. */
static int clock_to_full(void) {
  REG32(RCC_CR) |= 1u << 16; /* HSEON */
  if (!wait_for(RCC_CR, 1u << 17, 1u << 17)) {
    return 0;
  }
  REG32(RCC_APB1ENR) |= 1u << 28; /* PWR; its reset value already is voltage scale 1 */
  (void)REG32(RCC_APB1ENR);
  /* VCO 25 MHz / 25 * 432 = 432 MHz; P = 2: 216 MHz; Q = 9: 48 MHz; source HSE */
  REG32(RCC_PLLCFGR) = 2u << 28 | 9u << 24 | 1u << 22 | 0u << 16 | 432u << 6 | 25u;
  REG32(RCC_CR) |= 1u << 24;  /* PLLON */
  REG32(PWR_CR1) |= 1u << 16; /* ODEN: above 180 MHz the regulator needs over-drive */
  if (!wait_for(PWR_CSR1, 1u << 16, 1u << 16)) {
    return 0;
  }
  REG32(PWR_CR1) |= 1u << 17; /* ODSWEN */
  if (!wait_for(PWR_CSR1, 1u << 17, 1u << 17) || !wait_for(RCC_CR, 1u << 25, 1u << 25)) {
    return 0;
  }
  REG32(FLASH_ACR) = 7u | 1u << 8 | 1u << 9; /* 7 wait states; prefetch and ART accelerator */
  if (!wait_for(FLASH_ACR, 15u, 7u)) {
    return 0;
  }
  REG32(RCC_CFGR) = 5u << 10 | 4u << 13; /* APB1 = 216 / 4, APB2 = 216 / 2 */
  REG32(RCC_CFGR) |= 2u;                 /* SW: PLL */
  return wait_for(RCC_CFGR, 3u << 2, 2u << 2);
}

void tm_port_init(void) {
  const int full = clock_to_full();
  port.clock_hz = full ? FULL_HZ : HSI_HZ;
  port.flags = caches_on() | (full ? 0u : (uint32_t)TM_FLAG_CLOCK_FALLBACK);
#if defined(__ARM_FP)
  port.flags |= TM_FLAG_FPU;
#endif

  REG32(RCC_AHB1ENR) |= 3u << 0; /* GPIOA, GPIOB */
  REG32(RCC_APB2ENR) |= 1u << 4; /* USART1, clocked by APB2 */
  (void)REG32(RCC_APB2ENR);      /* two cycles pass before an enabled peripheral answers */

  REG32(GPIOA + 0x24u) = (REG32(GPIOA + 0x24u) & ~0xF0u) | 0x70u;                  /* AFRH: PA9 = AF7 */
  REG32(GPIOA + 0x00u) = (REG32(GPIOA + 0x00u) & ~(3u << 18)) | 2u << 18;          /* MODER */
  REG32(GPIOB + 0x20u) = (REG32(GPIOB + 0x20u) & ~0xF0000000u) | 0x70000000u;      /* AFRL: PB7 = AF7 */
  REG32(GPIOB + 0x0Cu) = (REG32(GPIOB + 0x0Cu) & ~(3u << 14)) | 1u << 14;          /* PUPDR: RX pulled up */
  REG32(GPIOB + 0x00u) = (REG32(GPIOB + 0x00u) & ~(3u << 14)) | 2u << 14;          /* MODER */
  usart_start(full ? FULL_HZ / 2 : HSI_HZ);

  (void)cycle_counter_start();
}

void tm_port_get_info(tm_port_info *info) {
  info->board = TM_BOARD_NAME;
  info->clock_hz = port.clock_hz;
  info->count_hz = port.clock_hz;
  info->count_kind = TM_COUNT_CYCLES;
  info->count_bits = 32;
  info->flags = port.flags;
  info->stack_low = __stack_bottom;
  info->stack_high = __stack_top;
}

uint64_t tm_port_count(void) { return cycle_counter(); }
