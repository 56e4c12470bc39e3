/*
 * HiFive1 Rev B: FE310-G002 at 320 MHz, UART0 on GPIO 16 (RX) and 17 (TX), mcycle.
 * Source: SiFive FE310-G002 manual v1p5: chapter 6 (PRCI), 17 (GPIO), 18 (UART), 19 (SPI).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../_common/info.h"
#include "../_riscv/csr.h"

#define PRCI 0x10008000u
#define HFROSCCFG (PRCI + 0x00u)
#define HFXOSCCFG (PRCI + 0x04u)
#define PLLCFG (PRCI + 0x08u)
#define PLLOUTDIV (PRCI + 0x0Cu)
#define GPIO 0x10012000u
#define UART0 0x10013000u
#define QSPI0 0x10014000u

enum { HFXOSC_HZ = 16000000, FULL_HZ = 320000000, HFROSC_HZ = 14400000 };

/*
 * 16 MHz crystal / 2 * 80 / 2 = 320 MHz. Returns the clock that runs: the internal oscillator where the crystal or the PLL
 * does not start (72 MHz / 5 after reset, accurate to some percent only).
 */
static uint32_t clock_to_full(void) {
  REG32(HFROSCCFG) |= BIT(30); /* the way back, and the clock while the PLL is set */
  (void)wait_for(HFROSCCFG, BIT(31), BIT(31));
  REG32(PLLCFG) &= ~((uint32_t)1 << 16); /* pllsel: run from hfrosc */
  REG32(HFXOSCCFG) = BIT(30);
  if (!wait_for(HFXOSCCFG, BIT(31), BIT(31))) {
    return HFROSC_HZ;
  }
  REG32(QSPI0) = 3; /* sckdiv: 320 / (2 * (3 + 1)) = 40 MHz for the flash this runs from, before the core speeds up */
  const uint32_t ratio = 1u << 0 | 39u << 4 | 1u << 10 | (uint32_t)1 << 17; /* R = 2, F = 80, Q = 2, reference hfxosc */
  REG32(PLLOUTDIV) = (uint32_t)1 << 8;                                      /* final division by 1 */
  REG32(PLLCFG) = ratio | (uint32_t)1 << 18;                                /* bypassed while it is set */
  REG32(PLLCFG) = ratio;
  for (volatile uint32_t k = 0; k < 2000; ++k) { /* 100 us must pass before the lock bit means anything (6.6) */
  }
  if (!wait_for(PLLCFG, BIT(31), BIT(31))) {
    return HFROSC_HZ;
  }
  REG32(PLLCFG) = ratio | (uint32_t)1 << 16;
  return FULL_HZ;
}

void tm_port_init(void) {
  const uint32_t clock_hz = clock_to_full();
  port.flags = (uint32_t)TM_FLAG_ICACHE;
  port_clock(clock_hz, clock_hz == FULL_HZ);
  port_counter(TM_COUNT_CYCLES, clock_hz, 64);
  REG32(UART0 + 0x18u) = (clock_hz + TM_BAUD / 2u) / TM_BAUD - 1u; /* div */
  REG32(UART0 + 0x08u) = 1u;                                            /* txctrl: on, one stop bit */
  REG32(UART0 + 0x0Cu) = 1u;                                            /* rxctrl: on */
  REG32(GPIO + 0x3Cu) &= ~(3u << 16);                                   /* iof_sel: UART0 is function 0 of pins 16, 17 */
  REG32(GPIO + 0x38u) |= 3u << 16;                                      /* iof_en */
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  uint32_t got = 0;
  while (got < n) {
    const uint32_t word = REG32(UART0 + 0x04u); /* rxdata: bit 31 says empty */
    if (word >> 31 == 0) {
      dst[got++] = (uint8_t)word;
    } else if (got > 0) {
      break;
    }
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    if (!wait_for(UART0, BIT(31), 0)) { /* txdata: bit 31 says full */
      return; /* nothing takes the bytes: the rest of the frame is lost, and the host asks again */
    }
    REG32(UART0) = src[i];
  }
}

uint64_t tm_port_count(void) { return count_cycles(); }
