/*
 * SDRAM on bank 1 of the FMC of an STM32F7, at 0xC0000000.
 *
 * Source: RM0385 rev 8, 13.7 (SDRAM controller: initialisation in 13.7.3, registers in 13.7.5) and 5.3 (RCC); Micron
 * MT48LC4M32B2 data sheet, speed grade -6: tRCD, tRP 18 ns, tRC 60 ns, tRAS 42 ns, tXSR 70 ns, tWR 2 clocks, CAS latency 3 up to
 * 166 MHz, 4096 rows in 64 ms.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_STM32_SDRAM_H
#define TM_BOARD_STM32_SDRAM_H

#include "gpio.h"

#define FMC_SDCR1 0xA0000140u
#define FMC_SDTR1 0xA0000148u
#define FMC_SDCMR 0xA0000150u
#define FMC_SDRTR 0xA0000154u
#define FMC_SDSR 0xA0000158u

/* A command to bank 1; auto-refreshes, mode: of those commands that have them. */
static inline int sdram_command(uint32_t command, uint32_t refreshes, uint32_t mode) {
  REG32(FMC_SDCMR) = command | BIT(4) | (refreshes - 1u) << 5 | mode << 9;
  return wait_for(FMC_SDSR, BIT(5), 0);
}

/*
 * Four banks of 4096 rows and 256 columns of 16 bits, at half the core's clock_hz (at most 108 MHz: the delays below are for that).
 * The clocks of the pins' ports must be on. 1: the controller took every command.
 */
static inline int sdram_start(uint32_t clock_hz) {
  const uint32_t sdram_hz = clock_hz / 2u;
  REG32(RCC_AHB3ENR) |= 1u; /* FMCEN */
  (void)REG32(RCC_AHB3ENR);
  /* read burst, clock = core / 2, CAS latency 3, 4 banks, 16 bits, 12 row bits, 8 column bits */
  REG32(FMC_SDCR1) = BIT(12) | 2u << 10 | 3u << 7 | BIT(6) | 1u << 4 | 1u << 2;
  /* each less one: TRCD 2, TRP 2, TWR 3, TRC 7, TRAS 5, TXSR 8, TMRD 2 clocks of at least 9.2 ns */
  REG32(FMC_SDTR1) = 1u << 24 | 1u << 20 | 2u << 16 | 6u << 12 | 4u << 8 | 7u << 4 | 1u;
  int ready = sdram_command(1u, 1u, 0u); /* clock on */
  for (volatile uint32_t cycles = clock_hz / 10000u; cycles > 0; --cycles) {
    /* 100 us at least */
  }
  ready = sdram_command(2u, 1u, 0u) && ready;      /* precharge all */
  ready = sdram_command(3u, 8u, 0u) && ready;      /* auto-refresh */
  ready = sdram_command(4u, 1u, 0x230u) && ready;  /* mode: single accesses, CAS latency 3 */
  REG32(FMC_SDRTR) = (sdram_hz / 64000u - 20u) << 1; /* 64 ms / 4096 rows, with the margin of 13.7.5 */
  return wait_for(FMC_SDSR, BIT(5), 0) && ready;
}

#endif /* TM_BOARD_STM32_SDRAM_H */
