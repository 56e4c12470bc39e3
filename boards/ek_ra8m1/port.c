/*
 * EK-RA8M1: 480 MHz from the 20 MHz crystal, caches on, SCI9 of the J-Link's virtual COM port on PA14 (TX) and PA15 (RX),
 * DWT CYCCNT.
 * Source: R01UH0994 (RA8M1 hardware manual): clock generation circuit, register write protection, module stop, I/O ports and
 * PmnPFS, flash cache (FLWT), SRAM (SRAMWTSC), SCI; R20UT5116 (crystal, pins); Arm 101924 (Cortex-M85: MSCR, ACTLR, CCR).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../_common/info.h"
#include "../_cortex_m/caches.h"

#define SYSTEM 0x4001E000u
#define SCKDIVCR (SYSTEM + 0x020u)
#define SCKDIVCR2 (SYSTEM + 0x024u)
#define SCKSCR (SYSTEM + 0x026u)
#define PLLCCR (SYSTEM + 0x028u)
#define PLLCR (SYSTEM + 0x02Au)
#define MOSCCR (SYSTEM + 0x032u)
#define MOCOCR (SYSTEM + 0x038u)
#define OSCSF (SYSTEM + 0x03Cu)
#define PLLCCR2 (SYSTEM + 0x04Cu)
#define SCICKDIVCR (SYSTEM + 0x054u)
#define SCICKCR (SYSTEM + 0x055u)
#define OPCCR (SYSTEM + 0x0A0u)
#define MOSCWTCR (SYSTEM + 0x0A2u)
#define PRCR (SYSTEM + 0x3FAu)
#define MOMCR (SYSTEM + 0xA50u)
#define SRAMPRCR 0x40002000u
#define SRAMWTSC 0x40002008u
#define FCACHEE 0x4001C100u
#define FCACHEIV 0x4001C104u
#define FLWT 0x4001C11Cu
#define MSTPCRB 0x40203004u
#define PFS(port, pin) (0x40400800u + 0x40u * (port) + 4u * (pin))
#define PWPRS 0x40400D14u
#define SCI9 0x40358900u
#define SCI_RDR (SCI9 + 0x00u)
#define SCI_TDR (SCI9 + 0x04u)
#define SCI_CCR0 (SCI9 + 0x08u)
#define SCI_CCR1 (SCI9 + 0x0Cu)
#define SCI_CCR2 (SCI9 + 0x10u)
#define SCI_CCR3 (SCI9 + 0x14u)
#define SCI_CCR4 (SCI9 + 0x18u)
#define SCI_CSR (SCI9 + 0x48u)
#define SCI_CFCLR (SCI9 + 0x68u)

enum { MOCO_HZ = 8000000, FULL_HZ = 480000000, SCI_HZ = 120000000, MOCO = 1, PLL1P = 5 };

/* Bits of an 8-bit register that become what is wanted, in a bounded number of polls. */
static int wait_byte(uint32_t address, uint32_t mask, uint32_t want) {
  for (uint32_t i = 0; i < WAIT_LIMIT; ++i) {
    if (((uint32_t)REG8(address) & mask) == want) {
      return 1;
    }
  }
  return 0;
}

/* At least 250 us at up to 480 MHz: what the supply needs before the load changes again. */
static void settle(void) {
  for (uint32_t i = 0; i < WAIT_LIMIT; ++i) {
    (void)REG8(SCKSCR);
  }
}

/* Runs from the 8 MHz oscillator, nothing divided, PLL off: the state after a reset. A boot loader may leave another. */
static int clock_to_moco(void) {
  REG8(MOCOCR) = 0;
  settle();
  REG8(SCKSCR) = MOCO;
  REG32(SCKDIVCR) = 0;
  REG8(SCKDIVCR2) = 0;
  REG8(PLLCR) = 1; /* PLLSTP */
  return wait_byte(OSCSF, 1u << 5, 0);
}

/* 1: the core runs at FULL_HZ. 0: it still runs from the 8 MHz oscillator it starts with. */
static int clock_to_full(void) {
  if (!clock_to_moco()) {
    return 0;
  }
  REG8(OPCCR) = 0; /* high-speed mode */
  if (!wait_byte(OPCCR, 1u << 4, 0)) { /* OPCMTSF */
    return 0;
  }
  REG8(MOSCCR) = 1; /* MOSTP: MOMCR can be written only while it is off */
  if (!wait_byte(OSCSF, 1u << 3, 0)) {
    return 0;
  }
  REG8(MOMCR) = 11u << 1; /* a crystal of 8 to 24 MHz; bit 4 must be 1 */
  REG8(MOSCWTCR) = 9;     /* 32 ms */
  REG8(MOSCCR) = 0;
  if (!wait_byte(OSCSF, 1u << 3, 1u << 3)) {
    return 0;
  }
  /* 20 MHz / 2 * 96 = 960 MHz; P, Q, R = 2: 480 MHz */
  REG16(PLLCCR) = 1u | 95u << 8;
  REG16(PLLCCR2) = 1u | 1u << 4 | 1u << 8;
  REG8(PLLCR) = 0;
  if (!wait_byte(OSCSF, 1u << 5, 1u << 5)) {
    return 0;
  }
  REG16(SRAMPRCR) = 0xA501u;
  REG8(SRAMWTSC) = 1; /* above 120 MHz */
  REG16(SRAMPRCR) = 0xA500u;
  REG8(FLWT) = 4; /* for ICLK of 192 to 240 MHz */
  if (!wait_byte(FLWT, 7u, 4u)) {
    return 0;
  }
  /* FCLK / 8, ICLK / 2, PCLKE / 2, BCLK / 4, PCLKA / 4, PCLKB / 8, PCLKC / 8, PCLKD / 4; the core at half its clock first */
  REG32(SCKDIVCR) = 3u << 28 | 1u << 24 | 1u << 20 | 2u << 16 | 2u << 12 | 3u << 8 | 3u << 4 | 2u;
  REG8(SCKDIVCR2) = 1;
  REG8(SCKSCR) = PLL1P;
  if (!wait_byte(SCKSCR, 7u, PLL1P)) {
    (void)clock_to_moco();
    return 0;
  }
  settle();
  REG8(SCKDIVCR2) = 0;
  settle();
  return 1;
}

/* The SCI's clock: PLL1P / 4 or the oscillator. */
static void sci_clock(int full) {
  REG8(SCICKCR) = (uint8_t)(REG8(SCICKCR) | 1u << 6); /* SCICKSREQ */
  (void)wait_byte(SCICKCR, 1u << 7, 1u << 7);
  REG8(SCICKDIVCR) = full ? 2 : 0;
  REG8(SCICKCR) = (uint8_t)((full ? PLL1P : MOCO) | 1 << 6);
  REG8(SCICKCR) = (uint8_t)(full ? PLL1P : MOCO);
  (void)wait_byte(SCICKCR, 1u << 7, 0);
}

/* 8 data bits, no parity, one stop bit. Eight clocks a bit, of which MDDR of 256 count. */
static void sci_start(uint32_t clock_hz) {
  const uint32_t divisor = clock_hz / (8u * TM_BAUD);
  const uint32_t mddr = (256u * (8u * TM_BAUD / 64u) * divisor + clock_hz / 128u) / (clock_hz / 64u);
  REG32(SCI_CCR0) = 0;
  REG32(SCI_CCR1) = 1u << 4;
  REG32(SCI_CCR2) = 1u << 4 | 1u << 5 | (divisor - 1u) << 8 | (mddr < 256u ? 1u << 16 | mddr << 24 : 255u << 24);
  REG32(SCI_CCR3) = 2u << 8 | 1u << 12; /* 8 bits, the lowest one first */
  REG32(SCI_CCR4) = 0;
  REG32(SCI_CFCLR) = 1u << 24 | 1u << 27 | 1u << 28;
  REG32(SCI_CCR0) = 1u | 1u << 4; /* RE, TE */
}

void tm_port_init(void) {
  REG32(0xE001E000u) |= 1u << 2;  /* MSCR.FORCEWT and */
  REG32(0xE000E008u) |= 1u << 16; /* ACTLR: errata of the Cortex-M85's data cache (Arm SDEN-2236668) */
  REG16(PRCR) = 0xA503u;          /* clocks, low power and module stop may be written */
  const int full = clock_to_full();
  REG16(FCACHEIV) = 1;
  for (uint32_t i = 0; i < WAIT_LIMIT && (REG16(FCACHEIV) & 1u) != 0; ++i) {
  }
  REG16(FCACHEE) = 1;
  port.flags = caches_on();
  REG32(0xE000ED14u) |= BIT(18) | BIT(19); /* CCR.BP, LOB: branches of hardware loops are remembered */
  BARRIER();
  port_clock(full ? FULL_HZ : MOCO_HZ, full);

  sci_clock(full);
  REG32(MSTPCRB) &= ~BIT(22); /* SCI9 runs */
  (void)REG32(MSTPCRB);
  REG8(PWPRS) = 0; /* B0WI */
  REG8(PWPRS) = 1u << 6; /* PFSWE */
  REG32(PFS(10u, 14u)) = 0;
  REG32(PFS(10u, 14u)) = 5u << 24; /* SCI9 */
  REG32(PFS(10u, 14u)) = 5u << 24 | 1u << 16; /* PMR, once the function is chosen */
  REG32(PFS(10u, 15u)) = 0;
  REG32(PFS(10u, 15u)) = 5u << 24;
  REG32(PFS(10u, 15u)) = 5u << 24 | 1u << 16;
  sci_start(full ? SCI_HZ : MOCO_HZ);

  (void)cycle_counter_start();
  port_counter(TM_COUNT_CYCLES, port.clock_hz, 32);
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  uint32_t got = 0;
  while (got < n) {
    const uint32_t status = REG32(SCI_CSR);
    if ((status & BIT(31)) != 0) { /* RDRF, which reading clears */
      dst[got++] = (uint8_t)REG32(SCI_RDR);
    }
    if ((status & (BIT(24) | BIT(27) | BIT(28))) != 0) { /* overrun, parity, framing: the frame's CRC tells */
      REG32(SCI_CFCLR) = BIT(24) | BIT(27) | BIT(28);
    } else if ((status & BIT(31)) == 0 && got > 0) {
      break;
    }
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    if (!wait_for(SCI_CSR, BIT(30), BIT(30))) { /* TEND */
      return; /* nothing takes the bytes: the rest of the frame is lost, and the host asks again */
    }
    REG32(SCI_TDR) = src[i];
  }
}

uint64_t tm_port_count(void) { return cycle_counter(); }
