/*
 * DEPTHWISE_CONV_2D, int8, Armv7E-M, any window. Contract: tm/depthwise_conv_2d_taps.h. Empty on other cores.
 *
 * Four channels of two taps are two words. PKHBT and PKHTB pair the taps, SXTB16 widens, one SMLAD a channel sums both taps:
 * 14 instructions for 8 products, with nothing transposed or kept. Taps are found through a list of offsets from the
 * window's first pixel, which changes with the row and at the borders only; taps outside lead to a pixel
 * of padding.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_taps.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct tap_job {
  const int32_t *taps;     /* offsets from x */
  const int32_t *w;        /* stream, at the first group to compute */
  const int8_t *x;         /* the window's first pixel, at the first channel to compute */
  int8_t *y;               /* output pixel, at the first channel to compute */
  const int8_t *y_end;
  const int32_t *taps_end; /* even number of taps */
  uint32_t entry;          /* into the unrolled loop */
  uint32_t main;           /* where the loop leads to: to the last tap of an odd number, or to the outputs */
} tap_job;

/* r0: taps, r1: stream, r2: x; sums in r3-r6. */
#define TWO_TAPS                \
  "ldrd r7, r8, [r0], #8\n"     \
  "ldr r7, [r2, r7]\n"          \
  "ldr r8, [r2, r8]\n"          \
  "ldm r1!, {r9-r12}\n"         \
  "pkhbt lr, r7, r8, lsl #16\n" \
  "pkhtb r7, r8, r7, asr #16\n" \
  "sxtb16 r8, lr\n"             \
  "smlad r3, r8, r9, r3\n"      \
  "sxtb16 lr, lr, ror #8\n"     \
  "smlad r4, lr, r10, r4\n"     \
  "sxtb16 r8, r7\n"             \
  "smlad r5, r8, r11, r5\n"     \
  "sxtb16 r7, r7, ror #8\n"     \
  "smlad r6, r7, r12, r6\n"

#define ONE_SIGN(x, m, c, e) "smmla " x ", " x ", " m ", " c "\n asr " x ", " x ", " e "\n ssat " x ", #8, " x "\n"
#define ANY_SIGN(x, m, c, e) \
  "smmlar lr, " x ", " m ", " c "\n add lr, lr, " x ", asr #31\n asr lr, lr, " e "\n ssat " x ", #8, lr\n"

#define TAPS(NAME, OUTPUT)                                                                  \
  static __attribute__((naked, noinline)) void NAME(tap_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                       \
        "ldr r3, [r0, #24]\n"                                                               \
        "cbnz r3, .L" #NAME "_run\n"                                                        \
        "ldr r1, [r0]\n" /* number of taps */                                               \
        "adr r2, .L" #NAME "_table\n"                                                       \
        "ubfx r3, r1, #1, #2\n"                                                             \
        "ldr r3, [r2, r3, lsl #2]\n"                                                        \
        "cmp r1, #1\n"                                                                      \
        "it eq\n"                                                                           \
        "ldreq r3, [r2, #16]\n"                                                             \
        "str r3, [r0, #24]\n"                                                               \
        "tst r1, #1\n"                                                                      \
        "ite eq\n"                                                                          \
        "ldreq r3, [r2, #20]\n"                                                             \
        "ldrne r3, [r2, #16]\n"                                                             \
        "str r3, [r0, #28]\n"                                                               \
        "bx lr\n"                                                                           \
        ".L" #NAME "_run:\n"                                                                \
        "push {r4-r11, lr}\n"                                                               \
        "sub sp, #36\n"                                                                     \
        "ldm r0, {r0-r7}\n"                                                                 \
        "stm sp, {r0-r7}\n"                                                                 \
        ".L" #NAME "_group:\n"                                                              \
        "ldm r1!, {r3-r6}\n"                                                                \
        "ldr pc, [sp, #24]\n"                                                               \
        ".L" #NAME "_0:\n" TWO_TAPS                                                         \
        ".L" #NAME "_3:\n" TWO_TAPS                                                         \
        ".L" #NAME "_2:\n" TWO_TAPS                                                         \
        ".L" #NAME "_1:\n" TWO_TAPS                                                         \
        "ldr r7, [sp, #20]\n"                                                               \
        "cmp r0, r7\n"                                                                      \
        "bne .L" #NAME "_0\n"                                                               \
        "ldr pc, [sp, #28]\n"                                                               \
        ".L" #NAME "_last:\n"                                                               \
        "ldr r7, [r0]\n"                                                                    \
        "ldrd r9, r10, [r1], #8\n"                                                          \
        "ldr r7, [r2, r7]\n"                                                                \
        "sxtb16 r8, r7\n"                                                                   \
        "sxtb16 r7, r7, ror #8\n"                                                           \
        "smlabb r3, r8, r9, r3\n"                                                           \
        "smlabb r4, r7, r10, r4\n"                                                          \
        "smlatt r5, r8, r9, r5\n"                                                           \
        "smlatt r6, r7, r10, r6\n"                                                          \
        ".L" #NAME "_end:\n"                                                                \
        "ldr r0, [sp, #12]\n"                                                               \
        "ldm r1!, {r7-r12}\n"                                                               \
        OUTPUT("r3", "r7", "r8", "r9") "strb r3, [r0], #1\n"                                \
        OUTPUT("r4", "r10", "r11", "r12") "strb r4, [r0], #1\n"                             \
        "ldm r1!, {r7-r12}\n"                                                               \
        OUTPUT("r5", "r7", "r8", "r9") "strb r5, [r0], #1\n"                                \
        OUTPUT("r6", "r10", "r11", "r12") "strb r6, [r0], #1\n"                             \
        "ldr r3, [sp, #16]\n"                                                               \
        "str r0, [sp, #12]\n"                                                               \
        "add r2, r2, #4\n"                                                                  \
        "cmp r0, r3\n"                                                                      \
        "ldr r0, [sp]\n"                                                                    \
        "bne .L" #NAME "_group\n"                                                           \
        "add sp, #36\n"                                                                     \
        "pop {r4-r11, pc}\n"                                                                \
        ".balign 4\n"                                                                       \
        ".L" #NAME "_table:\n"                                                              \
        ".word .L" #NAME "_0+1, .L" #NAME "_1+1, .L" #NAME "_2+1, .L" #NAME "_3+1\n"        \
        ".word .L" #NAME "_last+1, .L" #NAME "_end+1\n");                                   \
  }

TAPS(tm_taps_one_sign, ONE_SIGN)
TAPS(tm_taps_any_sign, ANY_SIGN)

/* Offsets of the taps from the pixel x that the window begins with; those outside lead to pad. */
static void list_taps(const tm_depthwise_conv_2d_i8_taps_params *p, const int8_t *input, const int8_t *x, const int8_t *pad, int32_t iy0,
                      int32_t ix0, int32_t *taps) {
  const int32_t outside = (int32_t)((uintptr_t)pad - (uintptr_t)x);
  const int32_t step = p->dilation_w * p->in.px_stride;
  for (int32_t ky = 0, iy = iy0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    const int row_inside = iy >= 0 && iy < p->in.h;
    const ptrdiff_t row = row_inside ? tm_row_offset(&p->in, iy) : 0;
    int32_t offset = (int32_t)((uintptr_t)input - (uintptr_t)x) + (int32_t)row + ix0 * p->in.px_stride;
    for (int32_t kx = 0, ix = ix0; kx < p->kernel_w; ++kx, ix += p->dilation_w) {
      *taps++ = row_inside && ix >= 0 && ix < p->in.w ? offset : outside;
      offset += step;
    }
  }
}

tm_status tm_depthwise_conv_2d_i8_taps_dsp(const tm_depthwise_conv_2d_i8_taps_params *p, const int8_t *x, const int32_t *w,
                                           int8_t *y, void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  if (p->in.c < 4 || p->in.c != p->out.c) {
    return TM_ERR_SHAPE;
  }
  const int32_t n = p->kernel_h * p->kernel_w;
  const int32_t c = p->in.c;
  int32_t *taps = (int32_t *)scratch;
  int8_t *pad = (int8_t *)(taps + n);
  for (int32_t k = 0; k < c; ++k) {
    pad[k] = (int8_t)p->pad_value;
  }
  void (*const groups)(tap_job *) = p->any_sign != 0 ? tm_taps_any_sign : tm_taps_one_sign;
  tap_job job = {(const int32_t *)(uintptr_t)n, w, x, y, y, taps + (n & ~1), 0, 0};
  groups(&job);
  job.taps = taps;
  const int32_t fours = c & ~3;
  const int32_t *last = w + (ptrdiff_t)(fours / 4) * (16 + 4 * (n / 2) + 2 * (n % 2));
  const int32_t advance = p->stride_w * p->in.px_stride;
  const int32_t extent = (p->kernel_w - 1) * p->dilation_w;
  for (int32_t oy = 0, iy = -p->pad_top; oy < p->out.h; ++oy, iy += p->stride_h) {
    int8_t *out = y + tm_row_offset(&p->out, oy);
    /* the list is the same for neighbours whose taps are all inside */
    const int rows_inside = iy >= 0 && iy + (p->kernel_h - 1) * p->dilation_h < p->in.h;
    int listed = 0;
    const int8_t *at = x - (ptrdiff_t)p->pad_left * p->in.px_stride;
    for (int32_t ox = 0, ix = -p->pad_left; ox < p->out.w; ++ox, ix += p->stride_w) {
      const int inside = rows_inside && ix >= 0 && ix + extent < p->in.w;
      if (!inside || !listed) {
        list_taps(p, x, at, pad, iy, ix, taps);
        listed = inside;
      }
      job.w = w;
      job.x = at;
      job.y = out;
      job.y_end = out + fours;
      groups(&job);
      if (fours != c) {
        job.w = last;
        job.x = at + (c - 4);
        job.y = out + (c - 4);
        job.y_end = out + c;
        groups(&job);
      }
      out += p->out.px_stride;
      at += advance;
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_taps_dsp_not_built;
#endif
