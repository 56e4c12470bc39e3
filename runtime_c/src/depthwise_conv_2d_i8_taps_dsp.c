/*
 * DEPTHWISE_CONV_2D, int8, Armv7E-M, any window. Contract: tm/depthwise_conv_2d_taps.h. Empty on other cores.
 *
 * Four channels of two taps are two words. PKHBT and PKHTB pair the taps, SXTB16 widens, one SMLAD a channel sums both taps:
 * 14 instructions for 8 products (18 where weights are bytes), with nothing transposed or kept. Taps are found through a list of offsets from the
 * window's first pixel, which changes with the row and at the borders only; taps outside lead to a pixel
 * of padding.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_taps.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/tap_job_dsp.h"

/* Forms of requantisation, and the stream of bytes; one that no layer of a network needs is left out of its firmware (-D...=0). */
#ifndef TM_TAPS_ONE_SIGN
#define TM_TAPS_ONE_SIGN 1
#endif
#ifndef TM_TAPS_ANY_SIGN
#define TM_TAPS_ANY_SIGN 1
#endif
#ifndef TM_TAPS_BYTES
#define TM_TAPS_BYTES 1
#endif

/* What the assembly below reads, in this order. */
typedef struct tap_job {
  const int32_t *taps;     /* offsets from x */
  const int32_t *w;        /* stream, at the first group to compute */
  const int8_t *x;         /* the window's first pixel, at the first channel to compute; on the first call the number of taps */
  int8_t *y;               /* output pixel, at the first channel to compute */
  const int8_t *y_end;
  const int32_t *taps_end; /* even number of taps */
  uint32_t entry;          /* into the unrolled loop */
  uint32_t main;           /* where the loop leads to: to the last tap of an odd number, or to the outputs */
  int32_t z;               /* 2 * zero_point + 1 */
} tap_job;

/* The outputs of a group. */
#define OUTPUTS(OUTPUT)                                     \
  "ldr r0, [sp, #12]\n"                                     \
  "ldm r1!, {r7-r12}\n"                                     \
  OUTPUT("r3", "r7", "r8", "r9") "strb r3, [r0], #1\n"      \
  OUTPUT("r4", "r10", "r11", "r12") "strb r4, [r0], #1\n"   \
  "ldm r1!, {r7-r12}\n"                                     \
  OUTPUT("r5", "r7", "r8", "r9") "strb r5, [r0], #1\n"      \
  OUTPUT("r6", "r10", "r11", "r12") "strb r6, [r0], #1\n"   \
  "ldr r3, [sp, #16]\n"                                     \
  "str r0, [sp, #12]\n"                                     \
  "add r2, r2, #4\n"                                        \
  "cmp r0, r3\n"                                            \
  "ldr r0, [sp]\n"

#if TM_TAPS_ONE_SIGN
TM_TAPS(tm_taps_one_sign, "r0-r7", TM_TAP_BIASES, TM_TWO_TAPS, TM_LAST_TAP, OUTPUTS(TM_TAP_ONE_SIGN))
#else
#define tm_taps_one_sign NULL
#endif
#if TM_TAPS_ANY_SIGN
TM_TAPS(tm_taps_any_sign, "r0-r7", TM_TAP_BIASES, TM_TWO_TAPS, TM_LAST_TAP, OUTPUTS(TM_TAP_ANY_SIGN))
#else
#define tm_taps_any_sign NULL
#endif

/* The same of a stream of bytes. */
#define ZEROS "movs r3, #0\n movs r4, #0\n movs r5, #0\n movs r6, #0\n"
#define TWO_BYTES                \
  "ldrd r7, r8, [r0], #8\n"      \
  "ldr r7, [r2, r7]\n"           \
  "ldr r8, [r2, r8]\n"           \
  "ldrd r9, r11, [r1], #8\n"     \
  "pkhbt lr, r7, r8, lsl #16\n"  \
  "pkhtb r7, r8, r7, asr #16\n"  \
  "sxtb16 r8, lr\n"              \
  "sxtb16 r10, r9\n"             \
  "smlad r3, r8, r10, r3\n"      \
  "sxtb16 lr, lr, ror #8\n"      \
  "sxtb16 r9, r9, ror #8\n"      \
  "smlad r4, lr, r9, r4\n"       \
  "sxtb16 r8, r7\n"              \
  "sxtb16 r10, r11\n"            \
  "smlad r5, r8, r10, r5\n"      \
  "sxtb16 r7, r7, ror #8\n"      \
  "sxtb16 r11, r11, ror #8\n"    \
  "smlad r6, r7, r11, r6\n"
#define LAST_BYTE                \
  "ldr r7, [r0]\n"               \
  "ldr r9, [r1], #4\n"           \
  "ldr r7, [r2, r7]\n"           \
  "sxtb16 r8, r7\n"              \
  "sxtb16 r7, r7, ror #8\n"      \
  "sxtb16 r10, r9\n"             \
  "sxtb16 r9, r9, ror #8\n"      \
  "smlabb r3, r8, r10, r3\n"     \
  "smlabb r4, r7, r9, r4\n"      \
  "smlatt r5, r8, r10, r5\n"     \
  "smlatt r6, r7, r9, r6\n"
/* One output. x: sum, b: 256 * bias + e - 1, of which a shift looks at the lowest byte, lr: z */
#define BYTE_OUTPUT(x, b)                \
  "ldr r11, [r1], #4\n"                  \
  "add " x ", " x ", " b ", asr #8\n"    \
  "lsl r12, " x ", #1\n"                 \
  "smmulr r12, r12, r11\n"               \
  "add r12, r12, " x ", asr #31\n"       \
  "asr r12, r12, " b "\n"                \
  "add r12, r12, lr\n"                   \
  "ssat r12, #8, r12, asr #1\n"          \
  "strb r12, [r0], #1\n"
#define BYTE_OUTPUTS                     \
  "ldr r0, [sp, #12]\n"                  \
  "ldr lr, [sp, #32]\n"                  \
  "ldm r1!, {r7-r10}\n"                  \
  BYTE_OUTPUT("r3", "r7") BYTE_OUTPUT("r4", "r8") BYTE_OUTPUT("r5", "r9") BYTE_OUTPUT("r6", "r10") \
  "ldr r3, [sp, #16]\n"                  \
  "str r0, [sp, #12]\n"                  \
  "add r2, r2, #4\n"                     \
  "cmp r0, r3\n"                         \
  "ldr r0, [sp]\n"

#if TM_TAPS_BYTES
TM_TAPS(tm_taps_bytes, "r0-r8", ZEROS, TWO_BYTES, LAST_BYTE, BYTE_OUTPUTS)
#else
#define tm_taps_bytes NULL
#endif

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
  void (*const groups)(tap_job *) = p->form == 2 ? tm_taps_bytes : p->form != 0 ? tm_taps_any_sign : tm_taps_one_sign;
  if (groups == NULL) {
    return TM_ERR_SHAPE;
  }
  tap_job job = {taps, w, (const int8_t *)(uintptr_t)n, y, y, taps + (n & ~1), 0, 0, 2 * p->zero_point + 1};
  groups(&job);
  const int32_t fours = c & ~3;
  const int32_t group = 8 + 2 * (n / 2) + n % 2; /* words of bytes, half of those of half-words */
  const int32_t *last = w + (ptrdiff_t)(fours / 4) * (p->form == 2 ? group : 2 * group);
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
