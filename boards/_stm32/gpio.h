/*
 * A pin as an alternate function, on every STM32 but the F1. Source: RM0090 section 8.4 (MODER, PUPDR, AFRL, AFRH; the F7, H7 and
 * L4 manuals have the same registers).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_STM32_GPIO_H
#define TM_BOARD_STM32_GPIO_H

#include "../_common/reg.h"

/* port: 0 for GPIOA, 1 for GPIOB, ...; af: the alternate function's number in the data sheet. */
typedef struct stm32_pin {
  uint32_t port, pin, af;
} stm32_pin;

/* base: address of the pin's GPIO. Its members one by one: of a constant struct nothing then stays in the flash. */
static inline void stm32_connect(uint32_t base, uint32_t pin, uint32_t af) {
  set_field(base + 0x20u + 4u * (pin / 8u), 15u << (4u * (pin % 8u)), af << (4u * (pin % 8u))); /* AFRL, AFRH */
  set_field(base + 0x0Cu, 3u << (2u * pin), 1u << (2u * pin));                                  /* PUPDR */
  set_field(base + 0x00u, 3u << (2u * pin), 2u << (2u * pin));                                  /* MODER */
}

/* gpio: address of GPIOA; the ports follow it at 1 KiB each. Their clocks must be on. Pulled up, so that an open line is idle. */
static inline void stm32_alternate(uint32_t gpio, stm32_pin p) { stm32_connect(gpio + 0x400u * p.port, p.pin, p.af); }

/* The same with the fastest edges, for a memory's bus. */
static inline void stm32_fast(uint32_t gpio, stm32_pin p) {
  const uint32_t base = gpio + 0x400u * p.port;
  set_field(base + 0x08u, 3u << (2u * p.pin), 3u << (2u * p.pin)); /* OSPEEDR */
  stm32_alternate(gpio, p);
}

#endif /* TM_BOARD_STM32_GPIO_H */
