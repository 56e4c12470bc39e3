/*
 * STM32F4-Discovery: 168 MHz from the 8 MHz crystal, USART2 on PA2 (TX) and PA3 (RX).
 * Source: RM0090: wait states, voltage scaling, RCC; DS8626: alternate functions of the pins; UM1472: the crystal, and that no
 * pin of the ST-LINK's UART is wired to the STM32F407.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define USART_BASE 0x40004400u /* USART2 */
#define USART_GENERATION 1
#include "../_stm32/f4_f7.h"

static const stm32_setup setup = {
    .hse_hz = 8000000,
    .m = 8, .n = 336, .p = 2, .q = 7, /* 8 MHz / 8 * 336 = 336 MHz; / 2 = 168 MHz */
    .vos = VOS_SCALE1_F405,
    .acr = ACR_F4, .wait_states = 5,
    .apb1 = 4, .apb2 = 2, /* 42 and 84 MHz */
    .usart_apb = 1, .usart_enable = 1u << 17,
    .tx = {0, 2, 7}, .rx = {0, 3, 7},
};

void tm_port_init(void) {
  stm32_start(&setup);
}
