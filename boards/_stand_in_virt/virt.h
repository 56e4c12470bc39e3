/*
 * QEMU's `virt` machine: a 16550 UART at 0x10000000 and minstret. VIRT_FLAGS: the TM_FLAG_* that the image reports.
 * Source: TI PC16550D data sheet (registers RBR/THR, FCR, LCR, LSR); privileged architecture 1.10 (minstret, 3.6 memory protection).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_VIRT_H
#define TM_BOARD_VIRT_H

#include "../_riscv/csr.h"

#define UART 0x10000000u

/*
 * Below the RAM of these images lies more RAM. Physical memory protection takes 64 KiB of it away, from machine mode too, so that an
 * overflow of the stack faults as it does on a board. The stack's lowest address is a multiple of 64 KiB.
 */
static void guard_stack(void) {
  const uint32_t guard = (uint32_t)(uintptr_t)__stack_bottom - 0x10000u;
  CSR_WRITE("pmpaddr0", guard >> 2 | 0x1FFFu); /* naturally aligned, 2^16 bytes */
  CSR_WRITE("pmpcfg0", 0x98u);                 /* locked, NAPOT, no access */
}

void tm_port_init(void) {
  REG8(UART + 1u) = 0;     /* IER: polled */
  REG8(UART + 3u) = 3u;    /* LCR: 8 bits, no parity, one stop bit */
  REG8(UART + 2u) = 0xC1u; /* FCR: FIFO on; threshold 14, up to which an emulator delivers bytes together */
  (void)REG8(UART);        /* switching the FIFO on drops what had come; the read makes the emulator send again */
  guard_stack();
}

void tm_port_get_info(tm_port_info *info) {
  static const tm_port_info fixed = {TM_BOARD_NAME, 0, 0, TM_COUNT_INSTRUCTIONS, 64, VIRT_FLAGS, __stack_bottom, __stack_top};
  *info = fixed;
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  uint32_t got = 0;
  while (got < n) {
    if ((REG8(UART + 5u) & 1u) != 0) { /* LSR.DR */
      dst[got++] = REG8(UART);
    } else if (got > 0) {
      break;
    }
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t k = 0;
    while ((REG8(UART + 5u) & 0x20u) == 0) { /* LSR.THRE */
      if (++k == WAIT_LIMIT) {
        return; /* nothing takes the bytes: the rest of the frame is lost, and the host asks again */
      }
    }
    REG8(UART) = src[i];
  }
}

uint64_t tm_port_count(void) { return count_instructions(); }

#endif /* TM_BOARD_VIRT_H */
