/*
 * Sipeed Longan Nano: GD32VF103CB at 108 MHz from the 8 MHz crystal, USART0 on PA9 (TX) and PA10 (RX), mcycle.
 * Source: GD32VF103 user manual: RCU (CFG0, CFG1: PLLMF, PREDV0, PLLSEL); Bumblebee core architecture manual: mcycle.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
enum { FULL_HZ = 108000000, APB2_HZ = 108000000 };

/* 8 MHz / 2 (CFG1.PREDV0) * 27 (CFG0.PLLMF = 0x1A, whose top bit is bit 29) = 108 MHz; APB1 = 108 / 2; PLLSEL: crystal */
#define CFGR2_FULL 1u
#define CFGR0_FULL (1u << 29 | 10u << 18 | 1u << 16 | 4u << 8)
#include "../_gd32_ch32/port.h"

void tm_port_init(void) {
  clock_and_console_start();
  port_counter(TM_COUNT_CYCLES, port.clock_hz, 64);
}

uint64_t tm_port_count(void) { return count_cycles(); }
