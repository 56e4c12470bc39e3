/*
 * STM32F405: 168 MHz from the internal oscillator (so that no crystal is assumed), USART1 on PA9 (TX) and PA10 (RX).
 * Source: RM0090: wait states, voltage scaling, RCC; DS8626: alternate functions of the pins.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40011000u /* USART1 */
#define USART_GENERATION 1
#include "../_stm32/f4_f7.h"

static const stm32_setup setup = {
    .m = 16, .n = 336, .p = 2, .q = 7, /* 16 MHz / 16 * 336 = 336 MHz; / 2 = 168 MHz */
    .vos = VOS_SCALE1_F405,
    .acr = ACR_F4, .wait_states = 5,
    .apb1 = 4, .apb2 = 2, /* 42 and 84 MHz */
    .usart_apb = 2, .usart_enable = 1u << 4,
    .tx = {0, 9, 7}, .rx = {0, 10, 7},
};

void tm_port_init(void) {
  stm32_start(&setup);
}
