/*
 * Reset, vector table and faults of every Cortex-M board. The linker script (templates/link.ld.j2) gives the symbols.
 * Source: Arm v7-M Architecture Reference Manual (DDI 0403E): B1.5 exception model, B3.2 system control block.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "reg.h"
#include "tm/runner.h"

extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
void tm_fault_report(void);

typedef void (*vector)(void);

extern const vector tm_vectors[16];

void Reset_Handler(void) {
  /* A boot loader that jumps here instead of resetting the chip leaves its own table, and perhaps interrupts. */
  __asm volatile("cpsid i" ::: "memory");
  REG32(0xE000ED08u) = (uint32_t)(uintptr_t)tm_vectors; /* VTOR */
#if defined(__ARM_FP)
  REG32(0xE000ED88u) |= (uint32_t)0xF << 20; /* CPACR: CP10 and CP11, before the first float instruction */
  BARRIER();
#endif
  const uint32_t *from = __data_load;
  for (volatile uint32_t *to = __data_start; to < (volatile uint32_t *)__data_end; ++to) {
    *to = *from++;
  }
  for (volatile uint32_t *to = __bss_start; to < (volatile uint32_t *)__bss_end; ++to) {
    *to = 0; /* volatile: no call to memset before the C world stands */
  }
  (void)main();
  for (;;) {
  }
}

/*
 * The three functions that compilers call on their own. The C library's are 0.9 KB, tuned for long copies; here they move
 * params structs and frames. Words where both ends are aligned, which they are in structs; nothing here needs unaligned access.
 */
#define SMALL __attribute__((used, optimize("no-tree-loop-distribute-patterns"))) /* or they would call themselves */

SMALL void *memcpy(void *restrict to, const void *restrict from, size_t n);
SMALL void *memmove(void *to, const void *from, size_t n);
SMALL void *memset(void *to, int value, size_t n);

static inline __attribute__((always_inline)) void ascending(uint8_t *d, const uint8_t *s, size_t n) {
  if ((((uintptr_t)d | (uintptr_t)s) & 3u) == 0) {
    for (; n >= 4; n -= 4, d += 4, s += 4) {
      *(uint32_t *)(void *)d = *(const uint32_t *)(const void *)s;
    }
  }
  for (; n > 0; --n) {
    *d++ = *s++;
  }
}

void *memmove(void *to, const void *from, size_t n) {
  uint8_t *d = (uint8_t *)to;
  const uint8_t *s = (const uint8_t *)from;
  if (d <= s) {
    ascending(d, s, n);
    return to;
  }
  while (n > 0) {
    --n;
    d[n] = s[n];
  }
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  ascending((uint8_t *)to, (const uint8_t *)from, n);
  return to;
}

void *memset(void *to, int value, size_t n) {
  uint8_t *d = (uint8_t *)to;
  for (; n > 0; --n) {
    *d++ = (uint8_t)value;
  }
  return to;
}

/*
 * Every exception but reset ends here. The stack pointer may lie below the RAM (the stack is at its very bottom, so that an
 * overflow faults instead of overwriting data), hence it is set anew before C runs.
 */
__attribute__((naked)) void Fault_Handler(void) {
  __asm volatile(
      "ldr r0, =__stack_top\n\t"
      "mov sp, r0\n\t"
      "b tm_fault_report\n");
}

__attribute__((used)) void tm_fault_report(void) {
  const uint32_t exception = REG32(0xE000ED04u) & 0x1FFu;                      /* ICSR.VECTACTIVE */
  tm_runner_fault(exception << 24 | (REG32(0xE000ED28u) & 0x00FFFFFFu), REG32(0xE000ED38u)); /* CFSR, BFAR */
  for (;;) {
  }
}

/* The first word is the initial stack pointer; no board here uses interrupts. */
__attribute__((used, section(".tm_start"))) const vector tm_vectors[16] = {
    (vector)(uintptr_t)__stack_top, Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
    Fault_Handler, 0, 0, 0, 0, Fault_Handler, Fault_Handler, 0, Fault_Handler, Fault_Handler,
};
