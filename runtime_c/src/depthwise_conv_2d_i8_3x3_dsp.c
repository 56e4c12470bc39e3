/*
 * DEPTHWISE_CONV_2D, int8, Armv7E-M, 3x3. Contract: tm/depthwise_conv_2d_3x3.h. Empty on other cores.
 *
 * For one output row and four channels, three rows are widened and paired once per column: a column is four words (one a
 * channel, in the order 0, 2, 1, 3) of the first two rows and two words of the last one, inputs in the high byte of each half. A
 * window is then three neighbouring columns. Two channels' weights stay in registers for two pixels where those are neighbours.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_3x3.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

enum { COLUMN_WORDS = 6, GROUP_WORDS = 30 };

/* What the assembly below reads, in this order: all of a row's groups. */
typedef struct row_job {
  const int32_t *w;        /* stream, at the first group */
  int8_t *y;               /* first output pixel, at the group's first channel */
  ptrdiff_t y_step;        /* from pixel to pixel */
  ptrdiff_t x_step;        /* bytes from a window's begin to the next one's */
  const uint32_t *pairs;   /* up to this column windows of two pixels together, which begin in neighbouring columns */
  const uint32_t *end;     /* behind the last window's first column */
  ptrdiff_t y_back;        /* from behind a group's last pixel to the next group's first one */
  int32_t groups;
  ptrdiff_t next[3];       /* from group to group; 0 in a row of padding */
  const int8_t *in[3];     /* the window's rows, at the first group */
  ptrdiff_t step[3];       /* from pixel to pixel; 0 in a row of padding */
  uint32_t *inside;        /* first column that is not padding */
  int32_t n;               /* columns that are not padding */
  const uint32_t *columns;
} row_job;

/* One pixel of three rows, at r0-r2 and further, becomes a column at r6; r12 is 0xff00ff00. */
#define WIDEN(A, B, C)            \
  "ldr r8, [r0" A "]\n"           \
  "ldr r9, [r1" B "]\n"           \
  "ldr lr, [r2" C "]\n"           \
  "pkhbt r10, r8, r9, lsl #16\n"  \
  "pkhtb r11, r9, r8, asr #16\n"  \
  "and r8, r12, r10, lsl #8\n"    \
  "and r9, r12, r11, lsl #8\n"    \
  "and r10, r12, r10\n"           \
  "and r11, r12, r11\n"           \
  "stm r6!, {r8-r11}\n"           \
  "and r8, r12, lr, lsl #8\n"     \
  "and r9, r12, lr\n"             \
  "str r8, [r6], #4\n" /* two of these take a cycle less than STRD */ \
  "str r9, [r6], #4\n"
/* r3-r5: from pixel to pixel */
#define ONE WIDEN("", "", "") "add r0, r0, r3\n add r1, r1, r4\n add r2, r2, r5\n"
#define TWO                                     \
  WIDEN("", "", "") WIDEN(", r3", ", r4", ", r5") \
  "add r0, r0, r3, lsl #1\n add r1, r1, r4, lsl #1\n add r2, r2, r5, lsl #1\n"

/* Two channels of the pixel in r0's column: sums A, B. r1: stream; X, R: of these channels in a column, bytes. */
#define TAPS_1(A, B, X0, X1, X2)                                                \
  "ldm r1!, {" A ", " B ", r6-r11}\n"                                           \
  "ldrd r12, lr, [r0, #" X0 "]\n"                                               \
  "smlad " A ", r12, r6, " A "\n smlad " B ", lr, r7, " B "\n"                  \
  "ldrd r12, lr, [r0, #" X1 "]\n"                                               \
  "smlad " A ", r12, r8, " A "\n smlad " B ", lr, r9, " B "\n"                  \
  "ldrd r12, lr, [r0, #" X2 "]\n"                                               \
  "smlad " A ", r12, r10, " A "\n smlad " B ", lr, r11, " B "\n"
#define LAST(A, B, x, w) "smlabb " A ", " x ", " w ", " A "\n smlatt " B ", " x ", " w ", " B "\n"
#define LAST_1(A, B, R0, R1, R2) \
  "ldr r6, [r0, #" R0 "]\n"      \
  "ldr r7, [r0, #" R1 "]\n"      \
  "ldr r8, [r0, #" R2 "]\n"      \
  "ldm r1!, {r10-r12}\n" LAST(A, B, "r6", "r10") LAST(A, B, "r7", "r11") LAST(A, B, "r8", "r12")
/* Their outputs in the halves of A, 128 too large. */
#define OUT(A, B) \
  "smmla " A ", " A ", r6, r8\n smmla " B ", " B ", r7, r9\n pkhtb " A ", " B ", " A ", asr #16\n usat16 " A ", #8, " A "\n"
#define CONSTANTS "ldm r1!, {r6-r9}\n"
/* The same of two pixels, the second one's sums in r4, r5. */
#define TAPS_2(X0, X1, X2, X3)                                  \
  "ldm r1!, {r2, r3, r6-r11}\n"                                 \
  "ldrd r12, lr, [r0, #" X1 "]\n"                               \
  "smlad r4, r12, r6, r2\n smlad r5, lr, r7, r3\n"              \
  "smlad r2, r12, r8, r2\n smlad r3, lr, r9, r3\n"              \
  "ldrd r12, lr, [r0, #" X0 "]\n"                               \
  "smlad r2, r12, r6, r2\n smlad r3, lr, r7, r3\n"              \
  "ldrd r12, lr, [r0, #" X2 "]\n"                               \
  "smlad r2, r12, r10, r2\n smlad r3, lr, r11, r3\n"            \
  "smlad r4, r12, r8, r4\n smlad r5, lr, r9, r5\n"              \
  "ldrd r12, lr, [r0, #" X3 "]\n"                               \
  "smlad r4, r12, r10, r4\n smlad r5, lr, r11, r5\n"
#define LAST_2(R0, R1, R2, R3)                                                                            \
  "ldr r9, [r0, #" R3 "]\n" LAST_1("r2", "r3", R0, R1, R2) LAST("r4", "r5", "r7", "r10") LAST("r4", "r5", "r8", "r11") \
  LAST("r4", "r5", "r9", "r12")

static __attribute__((naked, noinline)) void tm_row_3x3(const row_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "sub sp, #88\n"
      "mov lr, sp\n"
      "ldm r0!, {r1-r10}\n"
      "stm lr!, {r1-r10}\n"
      "ldm r0, {r1-r10}\n"
      "stm lr, {r1-r10}\n"
      ".Ltm_row_3x3_group:\n"
      "add r8, sp, #32\n"
      "ldm r8!, {r9-r11}\n"
      "ldm r8, {r0-r7}\n"
      "add r9, r9, r0\n"
      "add r10, r10, r1\n"
      "add r11, r11, r2\n"
      "stm r8, {r9-r11}\n"
      "mov r12, #0xff00ff00\n"
      "lsrs r7, r7, #1\n"
      "bcc .Ltm_row_3x3_even\n" ONE
      ".Ltm_row_3x3_even:\n"
      "beq .Ltm_row_3x3_widened\n"
      ".Ltm_row_3x3_widen:\n" TWO
      "subs r7, r7, #1\n"
      "bne .Ltm_row_3x3_widen\n"
      ".Ltm_row_3x3_widened:\n"
      "ldr r0, [sp, #76]\n"
      "ldm sp, {r1, r6-r9}\n"
      "cmp r0, r9\n"
      "beq .Ltm_row_3x3_rest\n"
      ".Ltm_row_3x3_two:\n" TAPS_2("0", "24", "48", "72") LAST_2("16", "40", "64", "88") CONSTANTS OUT("r2", "r3") OUT("r4", "r5")
      "str r2, [sp, #80]\n str r4, [sp, #84]\n" TAPS_2("8", "32", "56", "80") LAST_2("20", "44", "68", "92") CONSTANTS OUT("r2", "r3") OUT("r4", "r5")
      "ldrd r6, r7, [sp, #80]\n"
      "orr r2, r6, r2, lsl #8\n"
      "orr r4, r7, r4, lsl #8\n"
      "eor r2, r2, #0x80808080\n"
      "eor r4, r4, #0x80808080\n"
      "ldm sp, {r1, r6-r9}\n"
      "str r2, [r6]\n"
      "str r4, [r6, r7]\n"
      "add r6, r6, r7, lsl #1\n"
      "add r0, r0, #48\n"
      "str r6, [sp, #4]\n"
      "cmp r0, r9\n"
      "bne .Ltm_row_3x3_two\n"
      ".Ltm_row_3x3_rest:\n"
      "ldr r9, [sp, #20]\n"
      "cmp r0, r9\n"
      "beq .Ltm_row_3x3_done\n"
      ".Ltm_row_3x3_one:\n" TAPS_1("r4", "r5", "0", "24", "48") LAST_1("r4", "r5", "16", "40", "64") CONSTANTS OUT("r4", "r5")
      TAPS_1("r2", "r3", "8", "32", "56") LAST_1("r2", "r3", "20", "44", "68") CONSTANTS OUT("r2", "r3")
      "orr r2, r4, r2, lsl #8\n"
      "eor r2, r2, #0x80808080\n"
      "ldm sp, {r1, r6-r10}\n"
      "str r2, [r6]\n"
      "add r6, r6, r7\n"
      "add r0, r0, r8\n"
      "str r6, [sp, #4]\n"
      "cmp r0, r10\n"
      "bne .Ltm_row_3x3_one\n"
      ".Ltm_row_3x3_done:\n"
      "ldrd r10, r11, [sp, #24]\n"
      "add r1, r1, #120\n"
      "add r6, r6, r10\n"
      "strd r1, r6, [sp]\n"
      "subs r11, r11, #1\n"
      "str r11, [sp, #28]\n"
      "bne .Ltm_row_3x3_group\n"
      "add sp, #88\n"
      "pop {r4-r11, pc}\n");
}

static inline int32_t halves(int32_t low, int32_t high) {
  int32_t both;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(low), "r"(high));
  return both;
}

/* n columns of padding */
static void fill(uint32_t *dst, uint32_t value, int32_t n) {
  for (; n > 0; --n) {
    __asm__ volatile("strd %1, %1, [%0], #8\n strd %1, %1, [%0], #8\n strd %1, %1, [%0], #8" : "+r"(dst) : "r"(value) : "memory");
  }
}

tm_status tm_depthwise_conv_2d_i8_3x3_dsp(const tm_depthwise_conv_2d_i8_3x3_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                          void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t c = p->in.c;
  if (c < 4 || c != p->out.c || p->kernel_h != 3 || p->kernel_w != 3 || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  const int32_t columns = (p->out.w - 1) * p->stride_w + 3;
  uint32_t *cols = (uint32_t *)scratch;
  int8_t *pad = (int8_t *)(cols + columns * COLUMN_WORDS); /* four channels of padding, for all groups */
  const int32_t *stream = w;
  if (p->packed.form != 0) {
#if TM_PACKED_CONSTANTS_USED
    int32_t *made = (int32_t *)(void *)(pad + 4);
    tm_unpack_3x3_dsp(&p->packed, w, c, made);
    stream = made;
#else
    return TM_ERR_SHAPE;
#endif
  }
  *(uint32_t *)(void *)pad = ((uint32_t)p->pad_value & 0xffu) * 0x01010101u;
  /* columns outside are padding in every row and group */
  const int32_t left = tm_clamp_i32(p->pad_left, 0, columns);
  const int32_t right = tm_clamp_i32(p->in.w + p->pad_left, left, columns);
  const uint32_t outside = (uint32_t)halves(p->pad_value * 256, p->pad_value * 256);
  fill(cols, outside, left);
  fill(cols + right * COLUMN_WORDS, outside, columns - right);
  x += (ptrdiff_t)(left - p->pad_left) * p->in.px_stride;
  const int32_t step = p->stride_w * COLUMN_WORDS;
  row_job job = {stream, NULL, p->out.px_stride, step * 4, p->stride_w == 1 ? cols + (p->out.w & ~1) * COLUMN_WORDS : cols,
                 cols + p->out.w * step, 4 - (ptrdiff_t)p->out.w * p->out.px_stride, c / 4, {0, 0, 0}, {NULL, NULL, NULL}, {0, 0, 0},
                 cols + left * COLUMN_WORDS, right - left, cols};
  /* where the next window's rows are inside too, they are `down` bytes further */
  const ptrdiff_t down = (ptrdiff_t)p->stride_h * p->in.row_stride;
  const int steady = p->in.ring == 0 && c % 4 == 0;
  int like_last = 0;
  const int32_t inside_end = p->in.h - 2 * p->dilation_h;
  for (int32_t oy = 0, iy0 = -p->pad_top; oy < p->out.h; ++oy, iy0 += p->stride_h) {
    const int inside = iy0 >= 0 && iy0 < inside_end;
    if (inside & like_last) {
      job.in[0] += down;
      job.in[1] += down;
      job.in[2] += down;
    } else {
      for (int32_t ky = 0, iy = iy0; ky < 3; ++ky, iy += p->dilation_h) {
        if ((uint32_t)iy < (uint32_t)p->in.h) {
          job.in[ky] = x + tm_row_offset(&p->in, iy);
          job.step[ky] = p->in.px_stride;
          job.next[ky] = 4;
        } else {
          job.in[ky] = pad;
          job.step[ky] = job.next[ky] = 0;
        }
      }
    }
    like_last = inside & steady;
    job.y = y + tm_row_offset(&p->out, oy);
    tm_row_3x3(&job);
    if (c % 4 != 0) { /* the last group overlaps the one before it */
      job.w += (c / 4) * GROUP_WORDS;
      for (int32_t ky = 0; ky < 3; ++ky) {
        job.in[ky] += job.next[ky] != 0 ? c - 4 : 0;
      }
      job.y += c - 4;
      job.groups = 1;
      tm_row_3x3(&job);
      job.w = stream;
      job.groups = c / 4;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_3x3_dsp_not_built;
#endif
