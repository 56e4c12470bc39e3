/*
 * Memory protection unit: what kind of memory lies behind an address. Source: Arm v7-M Architecture Reference Manual (DDI 0403E),
 * B3.5 (MPU registers; TEX, C and B in table B3-13).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BOARD_CORTEX_M_MPU_H
#define TM_BOARD_CORTEX_M_MPU_H

#include "reg.h"

/* Attributes of a region, for mpu_region(). */
#define MPU_NOTHING (BIT(28))                                      /* no access, strongly ordered: not even a speculative read */
#define MPU_READ_ONLY (BIT(28) | 6u << 24 | BIT(17))               /* normal memory, write-through, read by anyone */
#define MPU_DATA (BIT(28) | 3u << 24 | 1u << 19 | BIT(17) | BIT(16)) /* normal memory, write-back, allocated on writes */

/* Region `number` (of two that cover an address the higher one counts): 2^log2_size bytes from `base` on, a multiple of that. */
static inline void mpu_region(uint32_t number, uint32_t base, uint32_t log2_size, uint32_t attributes) {
  REG32(0xE000ED98u) = number;                                     /* RNR */
  REG32(0xE000ED9Cu) = base;                                       /* RBAR */
  REG32(0xE000EDA0u) = attributes | (log2_size - 1u) << 1 | 1u;    /* RASR */
}

/* From here on the regions count; memory elsewhere stays what it is without them. */
static inline void mpu_on(void) {
  REG32(0xE000ED94u) = 5u; /* CTRL: ENABLE, PRIVDEFENA */
  BARRIER();
}

#endif /* TM_BOARD_CORTEX_M_MPU_H */
