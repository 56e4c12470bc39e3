/*
 * FULLY_CONNECTED, int8, RV32IM. Contract: tm/fully_connected_group.h. Empty on other cores.
 *
 * The sums of a group stay in registers, so an input is loaded once for 16 outputs: 49 instructions for 16 products. gp and tp
 * are left alone, an interrupt may need them.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_group.h"

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(__riscv_32e)
#include "tm/requant_rv.h"

/* What the assembly below reads, in this order. */
typedef struct units_job {
  const int32_t *w;
  const int8_t *x;
  const int8_t *x_fours; /* end of the inputs that are taken in fours */
  const int8_t *x_end;
  int8_t *y;
  const int8_t *y_end; /* behind the last group */
} units_job;

#define PRODUCT(at, s) "lb t1, " at "(a1)\n mul t2, t0, t1\n add " s ", " s ", t2\n"
#define INPUT4(x, w0, w1, w2, w3) \
  "lb t0, " x "(a0)\n" PRODUCT(w0, "s0") PRODUCT(w1, "s1") PRODUCT(w2, "s2") PRODUCT(w3, "s3")
#define INPUT16(x, w)                                                                                                  \
  "lb t0, " x "(a0)\n" PRODUCT(w "+0", "s0") PRODUCT(w "+1", "s1") PRODUCT(w "+2", "s2") PRODUCT(w "+3", "s3")         \
  PRODUCT(w "+4", "s4") PRODUCT(w "+5", "s5") PRODUCT(w "+6", "s6") PRODUCT(w "+7", "s7") PRODUCT(w "+8", "s8")        \
  PRODUCT(w "+9", "s9") PRODUCT(w "+10", "s10") PRODUCT(w "+11", "s11") PRODUCT(w "+12", "a4") PRODUCT(w "+13", "a5")  \
  PRODUCT(w "+14", "a6") PRODUCT(w "+15", "a7")
#define OUTPUT(mult, shift, s, at)                                                         \
  "lw t0, " mult "(a1)\n lw t1, " mult "+4(a1)\n lb t2, " shift "(a1)\n"                   \
  TM_RV_ONE_SIGN(s, "t0", "t1", "t2", "t2") TM_RV_STORE(s, "t3", "t4", at "(ra)")

#define BIASES4 "lw s0, 0(a1)\n lw s1, 4(a1)\n lw s2, 8(a1)\n lw s3, 12(a1)\n addi a1, a1, 16\n"
#define BIASES16                                                                                       \
  "lw s0, 0(a1)\n lw s1, 4(a1)\n lw s2, 8(a1)\n lw s3, 12(a1)\n lw s4, 16(a1)\n lw s5, 20(a1)\n"       \
  "lw s6, 24(a1)\n lw s7, 28(a1)\n lw s8, 32(a1)\n lw s9, 36(a1)\n lw s10, 40(a1)\n lw s11, 44(a1)\n"  \
  "lw a4, 48(a1)\n lw a5, 52(a1)\n lw a6, 56(a1)\n lw a7, 60(a1)\n addi a1, a1, 64\n"
#define FOUR4 \
  INPUT4("0", "0", "1", "2", "3") INPUT4("1", "4", "5", "6", "7") INPUT4("2", "8", "9", "10", "11") INPUT4("3", "12", "13", "14", "15")
#define FOUR16 INPUT16("0", "0") INPUT16("1", "16") INPUT16("2", "32") INPUT16("3", "48")
#define OUTPUTS4 \
  OUTPUT("0", "32", "s0", "0") OUTPUT("8", "33", "s1", "1") OUTPUT("16", "34", "s2", "2") OUTPUT("24", "35", "s3", "3")
#define OUTPUTS16                                                                                                                      \
  OUTPUT("0", "128", "s0", "0") OUTPUT("8", "129", "s1", "1") OUTPUT("16", "130", "s2", "2") OUTPUT("24", "131", "s3", "3")            \
  OUTPUT("32", "132", "s4", "4") OUTPUT("40", "133", "s5", "5") OUTPUT("48", "134", "s6", "6") OUTPUT("56", "135", "s7", "7")          \
  OUTPUT("64", "136", "s8", "8") OUTPUT("72", "137", "s9", "9") OUTPUT("80", "138", "s10", "10") OUTPUT("88", "139", "s11", "11")      \
  OUTPUT("96", "140", "a4", "12") OUTPUT("104", "141", "a5", "13") OUTPUT("112", "142", "a6", "14") OUTPUT("120", "143", "a7", "15")

/* All groups of a job, of G channels. Returns the stream behind them. */
#define UNITS(NAME, BIASES, FOUR, INPUT, OUTPUTS, G, FOUR_G, CONSTANTS)                                                \
  static __attribute__((naked, noinline)) const int32_t *NAME(const units_job *job __attribute__((unused))) {          \
    __asm__ volatile(                                                                                                  \
        "addi sp, sp, -64\n"                                                                                           \
        "sw s0, 0(sp)\n sw s1, 4(sp)\n sw s2, 8(sp)\n sw s3, 12(sp)\n sw s4, 16(sp)\n sw s5, 20(sp)\n"                 \
        "sw s6, 24(sp)\n sw s7, 28(sp)\n sw s8, 32(sp)\n sw s9, 36(sp)\n sw s10, 40(sp)\n sw s11, 44(sp)\n"            \
        "sw ra, 48(sp)\n"                                                                                              \
        "lw a1, 0(a0)\n lw t6, 4(a0)\n lw a2, 8(a0)\n lw a3, 12(a0)\n lw ra, 16(a0)\n lw t5, 20(a0)\n"                 \
        "li t3, -128\n li t4, 127\n"                                                                                   \
        "1:\n" BIASES "mv a0, t6\n beq a0, a2, 3f\n"                                                                   \
        "2:\n" FOUR "addi a0, a0, 4\n addi a1, a1, " FOUR_G "\n bne a0, a2, 2b\n"                                      \
        "3: beq a0, a3, 5f\n"                                                                                          \
        "4:\n" INPUT "addi a0, a0, 1\n addi a1, a1, " G "\n bne a0, a3, 4b\n"                                          \
        "5:\n" OUTPUTS "addi a1, a1, " CONSTANTS "\n addi ra, ra, " G "\n beq ra, t5, 6f\n j 1b\n"                     \
        "6: mv a0, a1\n"                                                                                               \
        "lw s0, 0(sp)\n lw s1, 4(sp)\n lw s2, 8(sp)\n lw s3, 12(sp)\n lw s4, 16(sp)\n lw s5, 20(sp)\n"                 \
        "lw s6, 24(sp)\n lw s7, 28(sp)\n lw s8, 32(sp)\n lw s9, 36(sp)\n lw s10, 40(sp)\n lw s11, 44(sp)\n"            \
        "lw ra, 48(sp)\n addi sp, sp, 64\n ret\n");                                                                    \
  }

UNITS(tm_units_4, BIASES4, FOUR4, INPUT4("0", "0", "1", "2", "3"), OUTPUTS4, "4", "16", "36")
UNITS(tm_units_16, BIASES16, FOUR16, INPUT16("0", "0"), OUTPUTS16, "16", "64", "144")

tm_status tm_fully_connected_i8_group_rv(const tm_fully_connected_i8_group_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                         void *scratch) {
  (void)scratch;
  if (p == NULL || x == NULL || w == NULL || y == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_c < 4 || p->in_c < 1) {
    return TM_ERR_SHAPE;
  }
  const int32_t sixteens = p->out_c & ~15;
  const int32_t fours = p->out_c & ~3;
  for (int32_t r = 0; r < p->rows; ++r) {
    units_job job = {w, x, x + (p->in_c & ~3), x + p->in_c, y, y + sixteens};
    if (sixteens != 0) {
      job.w = tm_units_16(&job);
    }
    if (fours != sixteens) {
      job.y = y + sixteens;
      job.y_end = y + fours;
      job.w = tm_units_4(&job);
    }
    if (fours != p->out_c) {
      job.y = y + p->out_c - 4;
      job.y_end = y + p->out_c;
      (void)tm_units_4(&job);
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_i8_group_rv_not_built;
#endif
