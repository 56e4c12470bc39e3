/*
 * NUCLEO-F446RE: 180 MHz from the ST-LINK's 8 MHz clock, USART2 of the ST-LINK's virtual COM port on PA2 (TX) and PA3 (RX).
 * Source: RM0390: wait states, over-drive, RCC; DS10693: alternate functions of the pins; UM1724: HSE clock from the ST-LINK,
 * USART of the virtual COM port.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40004400u /* USART2 */
#define USART_GENERATION 1
#include "../_stm32/f4_f7.h"

static const stm32_setup setup = {
    .hse_hz = 8000000, .hse_bypass = 1,
    .m = 4, .n = 180, .p = 2, .q = 8, .r = 2, /* 8 MHz / 4 * 180 = 360 MHz; / 2 = 180 MHz */
    .vos = VOS_SCALE1, .overdrive = 1, /* needed above 168 MHz */
    .acr = ACR_F4, .wait_states = 5,
    .apb1 = 4, .apb2 = 2, /* 45 and 90 MHz */
    .usart_apb = 1, .usart_enable = 1u << 17,
    .tx = {0, 2, 7}, .rx = {0, 3, 7},
};

void tm_port_init(void) {
  stm32_start(&setup);
}
