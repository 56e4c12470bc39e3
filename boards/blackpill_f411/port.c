/*
 * Black Pill F411: 100 MHz from the 25 MHz crystal, USART1 on PA9 (TX) and PA10 (RX).
 * Source: RM0383: wait states, voltage scaling, RCC; DS10314: alternate functions of the pins; WeAct's schematic: the crystal.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u /* USART1 */
#define USART_GENERATION 1
#include "../_stm32/f4_f7.h"

static const stm32_setup setup = {
    .hse_hz = 25000000,
    .m = 25, .n = 200, .p = 2, .q = 5, /* 25 MHz / 25 * 200 = 200 MHz; / 2 = 100 MHz */
    .vos = VOS_SCALE1, /* needed above 84 MHz, and not the state after a reset */
    .acr = ACR_F4, .wait_states = 3,
    .apb1 = 2, .apb2 = 1, /* 50 and 100 MHz */
    .usart_apb = 2, .usart_enable = 1u << 4,
    .tx = {0, 9, 7}, .rx = {0, 10, 7},
};

void tm_port_init(void) {
  stm32_start(&setup);
}
