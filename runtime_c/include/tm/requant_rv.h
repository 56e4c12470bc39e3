/*
 * RV32IM: int8 outputs from sums, as assembly. Constants come from the lowering (see tm/conv_2d_swar.h for the formulas).
 *
 * TM_RV_ONE_SIGN and TM_RV_ANY_SIGN(x, m, c, e, t) turn the sum in register x into the output before saturation; t is free.
 * TM_RV_SCALED_*: the same where the sum comes multiplied by 256 or 4.
 * TM_RV_STORE(x, lo, hi, at) saturates x and stores it; lo and hi hold -128 and 127.
 * TM_RV_ADD_TWICE(x, t): x + 2 * t. Zba has one instruction for it, and Zbb minimum and maximum, so that no branch is left.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_REQUANT_RV_H
#define TM_REQUANT_RV_H

#include "tm/base.h"

#if defined(__riscv_zba)
#define TM_RV_ADD_TWICE(x, t) "sh1add " x ", " t ", " x "\n"
#else
#define TM_RV_ADD_TWICE(x, t) "add " x ", " x ", " t "\n add " x ", " x ", " t "\n"
#endif
#define TM_RV_SCALED_ONE_SIGN(x, m, c, e, t) \
  "mulh " x ", " x ", " m "\n"               \
  "add " x ", " x ", " c "\n"                \
  "sra " x ", " x ", " e "\n"
#define TM_RV_SCALED_ANY_SIGN(x, m, c, e, t) \
  "srai " t ", " x ", 31\n"                  \
  "mulh " x ", " x ", " m "\n"               \
  "add " x ", " x ", " c "\n"                \
  TM_RV_ADD_TWICE(x, t)                      \
  "sra " x ", " x ", " e "\n"
#define TM_RV_ONE_SIGN(x, m, c, e, t) "slli " x ", " x ", 8\n" TM_RV_SCALED_ONE_SIGN(x, m, c, e, t)
#define TM_RV_ANY_SIGN(x, m, c, e, t) "slli " x ", " x ", 2\n" TM_RV_SCALED_ANY_SIGN(x, m, c, e, t)
#if defined(__riscv_zbb)
#define TM_RV_STORE(x, lo, hi, at) \
  "max " x ", " x ", " lo "\n"      \
  "min " x ", " x ", " hi "\n"      \
  "sb " x ", " at "\n"
#else
#define TM_RV_STORE(x, lo, hi, at)   \
  "bge " x ", " lo ", 8f\n"          \
  "mv " x ", " lo "\n"               \
  "8: bge " hi ", " x ", 9f\n"       \
  "mv " x ", " hi "\n"               \
  "9: sb " x ", " at "\n"
#endif

#endif /* TM_REQUANT_RV_H */
