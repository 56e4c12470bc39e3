/*
 * STM32F746G-DISCO: 216 MHz from the 25 MHz crystal, caches on, USART1 of the ST-LINK's virtual COM port on PA9 (TX) and
 * PB7 (RX).
 * Source: RM0385 rev 8: 3.3 (wait states), 4.1.4 (over-drive), 5.3 (RCC); UM1907 rev 6 (pins, crystal).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u /* USART1 */
#define USART_GENERATION 2
#include "../_stm32/f4_f7.h"

#include "../_cortex_m/caches.h"

static const stm32_setup setup = {
    .hse_hz = 25000000,
    .m = 25, .n = 432, .p = 2, .q = 9, .r = 2, /* 25 MHz / 25 * 432 = 432 MHz; / 2 = 216 MHz */
    .vos = VOS_SCALE1, .overdrive = 1, /* needed above 180 MHz */
    .acr = ACR_F7, .wait_states = 7,
    .apb1 = 4, .apb2 = 2, /* 54 and 108 MHz */
    .usart_apb = 2, .usart_enable = 1u << 4,
    .tx = {0, 9, 7}, .rx = {1, 7, 7},
};

void tm_port_init(void) {
  port.flags = caches_on();
  stm32_start(&setup);
}
