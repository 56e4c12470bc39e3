/*
 * Polled USART of both STM32 generations, 8 data bits, no parity, one stop bit. The registers' places are the only difference:
 * RM0090 section 30.6 (F4: SR, DR, BRR, CR1) and RM0385 section 31.8, RM0433 section 48.7, RM0351 section 40.8 (F7, H7, L4: CR1,
 * BRR, ISR, ICR, RDR, TDR). GD32VF103 (user manual, chapter 16) and CH32V307 (reference manual, chapter 18) have the first one.
 *
 * A port defines USART_BASE, USART_GENERATION (1 or 2) before including this.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_STM32_USART_H
#define TM_BOARD_STM32_USART_H

#include "../_common/reg.h"

#if USART_GENERATION == 1
#define USART_STATUS (USART_BASE + 0x00u)
#define USART_RX (USART_BASE + 0x04u)
#define USART_TX (USART_BASE + 0x04u)
#define USART_BRR (USART_BASE + 0x08u)
#define USART_CR1 (USART_BASE + 0x0Cu)
#define USART_ENABLE (1u << 13 | 1u << 3 | 1u << 2) /* UE, TE, RE */
#else
#define USART_CR1 (USART_BASE + 0x00u)
#define USART_BRR (USART_BASE + 0x0Cu)
#define USART_STATUS (USART_BASE + 0x1Cu)
#define USART_ICR (USART_BASE + 0x20u)
#define USART_RX (USART_BASE + 0x24u)
#define USART_TX (USART_BASE + 0x28u)
#define USART_ENABLE (1u << 0 | 1u << 3 | 1u << 2) /* UE, TE, RE */
#endif

#define USART_RXNE (1u << 5)
#define USART_TXE (1u << 7)
#define USART_ORE (1u << 3)

static inline void usart_start(uint32_t kernel_hz) {
  REG32(USART_BRR) = (kernel_hz + TM_BAUD / 2u) / TM_BAUD; /* oversampling by 16: BRR = f / baud in both generations */
  REG32(USART_CR1) = USART_ENABLE;
}

/* An overrun has lost a byte: the frame's CRC will tell. It must be cleared, or nothing is received again. */
static inline void usart_clear_overrun(uint32_t status) {
#if USART_GENERATION == 2
  (void)status;
  REG32(USART_ICR) = USART_ORE;
#else
  if ((status & USART_RXNE) == 0) { /* RM0090: cleared by reading SR and then DR, which a received byte gets anyway */
    const uint32_t lost = REG32(USART_RX);
    (void)lost;
  }
#endif
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  uint32_t got = 0;
  while (got < n) {
    const uint32_t status = REG32(USART_STATUS);
    if ((status & USART_RXNE) != 0) {
      dst[got++] = (uint8_t)REG32(USART_RX);
    }
    if ((status & USART_ORE) != 0) {
      usart_clear_overrun(status);
    } else if ((status & USART_RXNE) == 0 && got > 0) {
      break;
    }
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    if (!wait_for(USART_STATUS, USART_TXE, USART_TXE)) {
      return; /* nothing takes the bytes: the rest of the frame is lost, and the host asks again */
    }
    REG32(USART_TX) = src[i];
  }
}

#endif /* TM_BOARD_STM32_USART_H */
