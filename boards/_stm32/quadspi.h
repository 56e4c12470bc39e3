/*
 * A serial flash chip on the QUADSPI of an STM32F7, read as memory at 0x90000000.
 *
 * Source: RM0385 rev 8, chapter 14 (14.3.8 memory-mapped mode, 14.3.6 status polling, 14.5 registers) and 5.3 (RCC); Micron N25Q128A
 * data sheet (24-bit addresses): RESET ENABLE 66h and RESET MEMORY 99h, READ STATUS REGISTER 05h, QUAD I/O FAST READ EBh with 10
 * dummy clocks, up to 108 MHz, chip select high for 20 ns.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_STM32_QUADSPI_H
#define TM_BOARD_STM32_QUADSPI_H

#include "gpio.h"

#define QUADSPI 0xA0001000u
#define QUADSPI_CR (QUADSPI + 0x00u)
#define QUADSPI_DCR (QUADSPI + 0x04u)
#define QUADSPI_SR (QUADSPI + 0x08u)
#define QUADSPI_FCR (QUADSPI + 0x0Cu)
#define QUADSPI_DLR (QUADSPI + 0x10u)
#define QUADSPI_CCR (QUADSPI + 0x14u)
#define QUADSPI_PSMKR (QUADSPI + 0x24u)
#define QUADSPI_PSMAR (QUADSPI + 0x28u)
#define QUADSPI_PIR (QUADSPI + 0x2Cu)

enum { QUADSPI_CLOCK_DIVISOR = 2, QUADSPI_DUMMIES = 10 };

/* One command without address or data. */
static inline int quadspi_command(uint32_t instruction) {
  REG32(QUADSPI_FCR) = 0x1Bu;                 /* clears TCF, TEF, SMF and TOF */
  REG32(QUADSPI_CCR) = 1u << 8 | instruction; /* IMODE: one line; starts at once */
  return wait_for(QUADSPI_SR, BIT(1), BIT(1)) && wait_for(QUADSPI_SR, BIT(5), 0); /* TCF, BUSY */
}

/*
 * log2_bytes: of the chip. The clocks of its pins' ports must be on, and no read of its addresses may be under way: they are no
 * memory before this returns. 1: the chip answered and is memory. 0: it did not, and what is read there means nothing.
 */
static inline int quadspi_map(uint32_t log2_bytes) {
  REG32(RCC_AHB3ENR) |= BIT(1); /* QSPIEN */
  (void)REG32(RCC_AHB3ENR);
  REG32(RCC_AHB3RSTR) |= BIT(1); /* whatever a boot loader has left, memory-mapped mode too */
  REG32(RCC_AHB3RSTR) &= ~BIT(1);
  REG32(QUADSPI_DCR) = (log2_bytes - 1u) << 16 | 5u << 8;                            /* FSIZE; chip select high for 6 clocks */
  REG32(QUADSPI_CR) = (uint32_t)(QUADSPI_CLOCK_DIVISOR - 1) << 24 | BIT(22) | BIT(4) | 1u; /* APMS, SSHIFT, EN */
  int ready = quadspi_command(0x66u) && quadspi_command(0x99u);
  REG32(QUADSPI_PSMKR) = 1u; /* polls until bit 0 of the status, a write in progress, */
  REG32(QUADSPI_PSMAR) = 0u; /* is 0 */
  REG32(QUADSPI_PIR) = 16u;
  REG32(QUADSPI_DLR) = 0u; /* one byte */
  REG32(QUADSPI_FCR) = 0x1Bu;
  REG32(QUADSPI_CCR) = 2u << 26 | 1u << 24 | 1u << 8 | 0x05u; /* FMODE: polling; data and instruction on one line */
  ready = wait_for(QUADSPI_SR, BIT(3), BIT(3)) && ready;      /* SMF */
  if (!ready) {
    REG32(QUADSPI_CR) |= BIT(1); /* ABORT */
  }
  ready = wait_for(QUADSPI_SR, BIT(5), 0) && ready;
  REG32(QUADSPI_FCR) = 0x1Bu;
  /* FMODE: memory-mapped; data and the 24-bit address on four lines, the instruction on one */
  REG32(QUADSPI_CCR) = 3u << 26 | 3u << 24 | (uint32_t)QUADSPI_DUMMIES << 18 | 2u << 12 | 3u << 10 | 1u << 8 | 0xEBu;
  return ready;
}

#endif /* TM_BOARD_STM32_QUADSPI_H */
