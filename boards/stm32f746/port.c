/*
 * STM32F746G-DISCO: 216 MHz from the 25 MHz crystal, caches on, USART1 of the ST-LINK's virtual COM port on PA9 (TX) and
 * PB7 (RX). Where the image uses them: 16 MB of serial flash at 0x90000000, 8 MB of SDRAM at 0xC0000000.
 * Source: RM0385 rev 8: 3.3 (wait states), 4.1.4 (over-drive), 5.3 (RCC); UM1907 rev 6 (pins, crystal); STM32F746 data sheet, table 12
 * (alternate functions).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u /* USART1 */
#define USART_GENERATION 2
#include "../_stm32/f4_f7.h"

#include "../_cortex_m/caches.h"
#include "../_cortex_m/mpu.h"
#include "../_stm32/quadspi.h"
#include "../_stm32/sdram.h"

static const stm32_setup setup = {
    .hse_hz = 25000000,
    .m = 25, .n = 432, .p = 2, .q = 9, .r = 2, /* 25 MHz / 25 * 432 = 432 MHz; / 2 = 216 MHz */
    .vos = VOS_SCALE1, .overdrive = 1, /* needed above 180 MHz */
    .acr = ACR_F7, .wait_states = 7,
    .apb1 = 4, .apb2 = 2, /* 54 and 108 MHz */
    .usart_apb = 2, .usart_enable = 1u << 4,
    .tx = {0, 9, 7}, .rx = {1, 7, 7},
};

/* Pins of one port, by their bits, that have the same alternate function. */
typedef struct pins {
  uint32_t port, bits, af;
} pins;

static const pins qspi_pins[] = {
    {1, 1u << 2, 9}, {1, 1u << 6, 10}, {3, 7u << 11, 9}, {4, 1u << 2, 9}, /* PB2 CLK, PB6 NCS, PD11 to PD13 IO0, IO1, IO3, PE2 IO2 */
};
static const pins sdram_pins[] = {
    {2, 0x0008u, 12}, /* PC3 SDCKE0 */
    {3, 0xC703u, 12}, /* PD0, PD1, PD8 to PD10, PD14, PD15: D2, D3, D13 to D15, D0, D1 */
    {4, 0xFF83u, 12}, /* PE0, PE1 NBL0, NBL1; PE7 to PE15 D4 to D12 */
    {5, 0xF83Fu, 12}, /* PF0 to PF5 A0 to A5; PF11 SDNRAS; PF12 to PF15 A6 to A9 */
    {6, 0x8133u, 12}, /* PG0, PG1 A10, A11; PG4, PG5 BA0, BA1; PG8 SDCLK; PG15 SDNCAS */
    {7, 0x0028u, 12}, /* PH3 SDNE0, PH5 SDNWE */
};

static void connect(const pins *p, uint32_t n) {
  for (; n > 0; --n, ++p) {
    REG32(RCC_AHB1ENR) |= BIT(p->port);
    (void)REG32(RCC_AHB1ENR);
    for (uint32_t k = 0; k < 16u; ++k) {
      if ((p->bits >> k & 1u) != 0) {
        const stm32_pin pin = {p->port, k, p->af};
        stm32_fast(GPIOA, pin);
      }
    }
  }
}

/* The serial flash is memory only once it is mapped: the core must not read ahead there before, nor beyond its end at any time. */
static void protect(void) {
  mpu_region(0, 0x90000000u, 28, MPU_NOTHING);
  mpu_region(1, 0xC0000000u, 23, MPU_DATA); /* else a device, where a word must lie at a multiple of four */
  mpu_on();
}

void tm_port_init(void) {
  protect();
  port.flags = caches_on();
  stm32_start(&setup);
}

TM_PORT_BANK(sdram);
void tm_port_bank_sdram(void) {
  connect(sdram_pins, sizeof sdram_pins / sizeof sdram_pins[0]);
  (void)sdram_start(port.clock_hz);
}

TM_PORT_BANK(qspi);
void tm_port_bank_qspi(void) {
  connect(qspi_pins, sizeof qspi_pins / sizeof qspi_pins[0]);
  (void)quadspi_map(24);
  mpu_region(2, 0x90000000u, 24, MPU_READ_ONLY);
  BARRIER();
}
