/*
 * FULLY_CONNECTED, int8, Armv7E-M, packed pairs of output channels. Contract: tm/fully_connected_pairs.h. Empty on other cores.
 *
 * As conv_2d_i8_pairs_dsp.c, with one vector of inputs by two pairs of channels.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/fully_connected_pairs.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct group_job {
  const uint32_t *x;    /* widened inputs */
  const int32_t *w;     /* stream, at the first group to compute */
  int8_t *y;
  const int8_t *y_end;
  const uint32_t *x_end;
  uint32_t entry, main; /* where a group begins: at the remainder of four inputs or in the unrolled loop, and where after it */
} group_job;

/* One word of inputs by the words of both pairs; sums in r2, r3 and r12, lr. */
#define WORD(ab, cd, x)           \
  "smlad r3, " x ", " ab ", r3\n" \
  "smlad lr, " x ", " cd ", lr\n" \
  "sxtb16 " ab ", " ab "\n"       \
  "sxtb16 " cd ", " cd "\n"       \
  "smlad r2, " x ", " ab ", r2\n" \
  "smlad r12, " x ", " cd ", r12\n"
#define HALF(x0, x1) "ldm r1!, {r8-r11}\n" WORD("r8", "r9", x0) WORD("r10", "r11", x1)
#define EIGHT "ldm r0!, {r4-r7}\n" HALF("r4", "r5") HALF("r6", "r7")
#define OUTPUT(x, m, c, e) \
  "smmla " x ", " x ", " m ", " c "\n asr " x ", " x ", " e "\n ssat " x ", #8, " x "\n strb " x ", [r0], #1\n"

/* All groups of a job. With job->entry == 0, fills in entry and main instead, from job->x: the number of fours of inputs. */
static __attribute__((naked, noinline)) void tm_groups(group_job *job __attribute__((unused))) {
  __asm__ volatile(
      "ldr r3, [r0, #20]\n"
      "cbnz r3, .Ltm_groups_run\n"
      "ldr r1, [r0]\n"
      "adr r2, .Ltm_groups_table\n"
      "lsrs r3, r1, #1\n"
      "ite eq\n"
      "moveq r3, #4\n"
      "andne r3, r3, #3\n"
      "ldr r3, [r2, r3, lsl #2]\n"
      "str r3, [r0, #24]\n"
      "tst r1, #1\n"
      "it ne\n"
      "ldrne r3, [r2, #20]\n"
      "str r3, [r0, #20]\n"
      "bx lr\n"
      ".Ltm_groups_run:\n"
      "push {r4-r11, lr}\n"
      "sub sp, #28\n"
      "ldm r0, {r0-r6}\n"
      "stm sp, {r0-r6}\n"
      ".Ltm_groups_group:\n"
      "ldm r1!, {r2, r3, r12, lr}\n"
      "ldr pc, [sp, #20]\n"
      ".Ltm_groups_four:\n"
      "ldrd r4, r5, [r0], #8\n" HALF("r4", "r5")
      "ldr pc, [sp, #24]\n"
      ".Ltm_groups_0:\n" EIGHT
      ".Ltm_groups_3:\n" EIGHT
      ".Ltm_groups_2:\n" EIGHT
      ".Ltm_groups_1:\n" EIGHT
      "ldr r4, [sp, #16]\n"
      "cmp r0, r4\n"
      "bne .Ltm_groups_0\n"
      ".Ltm_groups_end:\n"
      "sub r3, r3, r2\n"
      "sub lr, lr, r12\n"
      "lsl r2, r2, #8\n"
      "lsl r12, r12, #8\n"
      "ldr r0, [sp, #8]\n"
      "ldm r1!, {r4-r9}\n"
      OUTPUT("r2", "r4", "r5", "r6")
      OUTPUT("r3", "r7", "r8", "r9")
      "ldm r1!, {r4-r9}\n"
      OUTPUT("r12", "r4", "r5", "r6")
      OUTPUT("lr", "r7", "r8", "r9")
      "ldr r4, [sp, #12]\n"
      "str r0, [sp, #8]\n"
      "cmp r0, r4\n"
      "ldr r0, [sp]\n"
      "bne .Ltm_groups_group\n"
      "add sp, #28\n"
      "pop {r4-r11, pc}\n"
      ".balign 4\n"
      ".Ltm_groups_table:\n"
      ".word .Ltm_groups_0+1, .Ltm_groups_1+1, .Ltm_groups_2+1, .Ltm_groups_3+1\n"
      ".word .Ltm_groups_end+1, .Ltm_groups_four+1\n");
}

/* n bytes as words (b0, b2), (b1, b3) of four each; zeros after the last one. */
static void widen(uint32_t *dst, const int8_t *x, int32_t n) {
  for (; n >= 8; n -= 8) {
    __asm__ volatile(
        "ldr r4, [%0], #4\n"
        "ldr r6, [%0], #4\n"
        "sxtb16 r5, r4, ror #8\n"
        "sxtb16 r4, r4\n"
        "sxtb16 r8, r6, ror #8\n"
        "sxtb16 r6, r6\n"
        "strd r4, r5, [%1], #8\n"
        "strd r6, r8, [%1], #8\n"
        : "+r"(x), "+r"(dst)
        :
        : "r4", "r5", "r6", "r8", "memory");
  }
  for (; n > 0; n -= 4) {
    uint32_t half[4] = {0, 0, 0, 0};
    for (int32_t k = 0; k < 4 && k < n; ++k) {
      half[k] = (uint32_t)x[k] & 0xffffu;
    }
    *dst++ = half[0] | half[2] << 16;
    *dst++ = half[1] | half[3] << 16;
    x += 4;
  }
}

tm_status tm_fully_connected_i8_pairs_dsp(const tm_fully_connected_i8_pairs_params *p, const int8_t *x, const int32_t *w,
                                          int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->out_c < 4) {
    return TM_ERR_SHAPE;
  }
  const int32_t fours = (p->in_c + 3) / 4;
  uint32_t *wide = (uint32_t *)scratch;
  group_job job = {(const uint32_t *)(uintptr_t)fours, w, y, y, wide + 2 * fours, 0, 0};
  tm_groups(&job);
  job.x = wide;
  const int32_t whole = p->out_c & ~3;
  const int32_t *last = w + (ptrdiff_t)(whole / 4) * (16 + 4 * fours);
  for (int32_t r = 0; r < p->rows; ++r) {
    widen(wide, x, p->in_c);
    job.w = w;
    job.y = y;
    job.y_end = y + whole;
    tm_groups(&job);
    if (whole != p->out_c) {
      job.w = last;
      job.y = y + p->out_c - 4;
      job.y_end = y + p->out_c;
      tm_groups(&job);
    }
    x += p->in_c;
    y += p->out_c;
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_fully_connected_i8_pairs_dsp_not_built;
#endif
