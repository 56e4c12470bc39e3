/*
 * NUCLEO-F746ZG: 216 MHz from the ST-LINK's 8 MHz clock, caches on, USART3 of the ST-LINK's virtual COM port on PD8 (TX) and
 * PD9 (RX).
 * Source: RM0385 rev 8: 3.3 (wait states), 4.1.4 (over-drive), 5.3 (RCC); UM1974: HSE clock from the ST-LINK, USART.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40004800u /* USART3 */
#define USART_GENERATION 2
#include "../_stm32/f4_f7.h"

#include "../_cortex_m/caches.h"

static const stm32_setup setup = {
    .hse_hz = 8000000, .hse_bypass = 1,
    .m = 4, .n = 216, .p = 2, .q = 9, .r = 2, /* 8 MHz / 4 * 216 = 432 MHz; / 2 = 216 MHz */
    .vos = VOS_SCALE1, .overdrive = 1, /* needed above 180 MHz */
    .acr = ACR_F7, .wait_states = 7,
    .apb1 = 4, .apb2 = 2, /* 54 and 108 MHz */
    .usart_apb = 1, .usart_enable = 1u << 18,
    .tx = {3, 8, 7}, .rx = {3, 9, 7},
};

void tm_port_init(void) {
  port.flags = caches_on();
  stm32_start(&setup);
}
