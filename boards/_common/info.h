/*
 * What a port finds out while it starts, and tm_port_get_info() made of it.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_INFO_H
#define TM_BOARD_INFO_H

#include "reg.h"

typedef struct port_state {
  uint32_t clock_hz;
  uint32_t count_hz;
  uint32_t flags;     /* TM_FLAG_* */
  uint8_t count_kind; /* tm_count_kind */
  uint8_t count_bits;
} port_state;

static port_state port;

/* The core runs at clock_hz, which is its rated clock or (full = 0) a fall-back. */
static inline void port_clock(uint32_t clock_hz, int full) {
  port.clock_hz = clock_hz;
  port.flags |= full ? 0u : (uint32_t)TM_FLAG_CLOCK_FALLBACK;
#if defined(__ARM_FP)
  port.flags |= TM_FLAG_FPU;
#endif
}

static inline void port_counter(tm_count_kind kind, uint32_t hz, uint8_t bits) {
  port.count_kind = (uint8_t)kind;
  port.count_hz = hz;
  port.count_bits = bits;
}

void tm_port_get_info(tm_port_info *info) {
  info->board = TM_BOARD_NAME;
  info->clock_hz = port.clock_hz;
  info->count_hz = port.count_hz;
  info->count_kind = port.count_kind;
  info->count_bits = port.count_bits;
  info->flags = port.flags;
  info->stack_low = __stack_bottom;
  info->stack_high = __stack_top;
}

#endif /* TM_BOARD_INFO_H */
