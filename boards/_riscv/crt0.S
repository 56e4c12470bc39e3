/*
 * Reset and traps of every RISC-V board. The linker script (templates/link.ld.j2) gives the symbols.
 * Source: The RISC-V Instruction Set Manual, volume II, privileged architecture 1.10: machine-mode CSRs; Bumblebee core architecture
 * manual, mtvec (64 bytes aligned).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
  .section .tm_start, "ax"
  .globl _start
  .type _start, @function
_start:
  csrci mstatus, 8 /* MIE: no interrupts */
  /* Some chips start in an alias of the flash, where addresses relative to the program counter would be wrong: go to the real one. */
  lui t0, %hi(1f)
  addi t0, t0, %lo(1f)
  jr t0
1:
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, __stack_top
  la t0, trap
  csrw mtvec, t0

  la t0, __data_load
  la t1, __data_start
  la t2, __data_end
1:
  bgeu t1, t2, 2f
  lw t3, 0(t0)
  sw t3, 0(t1)
  addi t0, t0, 4
  addi t1, t1, 4
  j 1b
2:
  la t1, __bss_start
  la t2, __bss_end
3:
  bgeu t1, t2, 4f
  sw zero, 0(t1)
  addi t1, t1, 4
  j 3b
4:
  call main
5:
  j 5b

/* The stack may have run below the RAM (it is at the bottom, so that this faults): it is set anew before C runs. */
  .balign 64 /* the least that every core here accepts: the lower bits choose how interrupts are taken */
trap:
  la sp, __stack_top
  csrr a0, mcause
  csrr a1, mepc
  call tm_runner_fault
6:
  j 6b
