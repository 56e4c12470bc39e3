/*
 * CONV_2D, int8, Armv7E-M, in little code: two pixels by two channels on the file's own weights. Contract: tm/conv_2d.h. Empty on
 * other cores.
 *
 * Both windows are gathered and widened once (SXTB16), then every pair of channels goes over them: 17 instructions for the 16
 * products of four inputs. A window whose bytes follow each other in memory is widened where it is.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/conv_2d.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads and adds to, in this order. */
typedef struct dot_job {
  const uint32_t *x, *x_end; /* widened fours of both pixels */
  const int8_t *a, *b;       /* weights of both channels */
  int32_t sum[4];            /* pixel 0 and 1 by a, then by b */
} dot_job;

static __attribute__((naked, noinline)) void dot(dot_job *job __attribute__((unused))) {
  __asm__ volatile(
      "push {r0, r4-r11, lr}\n"
      "ldm r0, {r0-r7}\n"
      "1:\n"
      "ldm r0!, {r8-r11}\n"
      "ldr r12, [r2], #4\n"
      "sxtb16 lr, r12\n"
      "smlad r4, r8, lr, r4\n"
      "smlad r5, r9, lr, r5\n"
      "sxtb16 r12, r12, ror #8\n"
      "smlad r4, r10, r12, r4\n"
      "smlad r5, r11, r12, r5\n"
      "ldr r12, [r3], #4\n"
      "sxtb16 lr, r12\n"
      "smlad r6, r8, lr, r6\n"
      "smlad r7, r9, lr, r7\n"
      "sxtb16 r12, r12, ror #8\n"
      "smlad r6, r10, r12, r6\n"
      "smlad r7, r11, r12, r7\n"
      "cmp r0, r1\n"
      "bne 1b\n"
      "pop {r0}\n"
      "adds r0, r0, #16\n"
      "stm r0, {r4-r7}\n"
      "pop {r4-r11, pc}\n");
}

static int8_t *copy_bytes(int8_t *dst, const int8_t *src, int32_t n) {
  uint32_t v;
  for (; n >= 4; n -= 4) {
    /* unaligned words, which LDR and STR permit */
    __asm__ volatile("ldr %0, [%1], #4\n str %0, [%2], #4" : "=&r"(v), "+r"(src), "+r"(dst) : : "memory");
  }
  for (; n > 0; --n) {
    *dst++ = *src++;
  }
  return dst;
}

/* The window's bytes at input row iy and column ix0: where they are, or gathered in `dst`. */
static const int8_t *window(const tm_conv_2d_i8_params *p, const int8_t *x, int8_t *dst, int32_t iy, int32_t ix0) {
  const int32_t ci = p->in.c;
  const int8_t *const gathered = dst;
  int32_t taps = p->kernel_w;
  int32_t run = ci;
  if (taps == 1 || (p->in.px_stride == ci && p->dilation_w == 1 && ix0 >= 0 && ix0 + taps <= p->in.w)) {
    run = taps * ci; /* a whole row of the kernel at once */
    taps = 1;
  }
  for (int32_t ky = 0; ky < p->kernel_h; ++ky, iy += p->dilation_h) {
    for (int32_t kx = 0, ix = ix0; kx < taps; ++kx, ix += p->dilation_w) {
      if (iy < 0 || iy >= p->in.h || ix < 0 || ix >= p->in.w) {
        for (int32_t k = 0; k < run; ++k) {
          *dst++ = (int8_t)p->pad_value;
        }
        continue;
      }
      const int8_t *const at = x + tm_row_offset(&p->in, iy) + (ptrdiff_t)ix * p->in.px_stride;
      if (taps == 1 && p->kernel_h == 1) {
        return at;
      }
      dst = copy_bytes(dst, at, run);
    }
  }
  return gathered;
}

/* Fours of both pixels, alternating: bytes (0, 2), then (1, 3), each in the halves of a word. n: a multiple of four. */
static void widen(uint32_t *dst, const int8_t *x0, const int8_t *x1, int32_t n) {
  uint32_t a, b, c, d;
  for (; n > 0; n -= 4) {
    __asm__ volatile(
        "ldr %[a], [%[x0]], #4\n"
        "ldr %[b], [%[x1]], #4\n"
        "sxtb16 %[c], %[a]\n"
        "sxtb16 %[d], %[b]\n"
        "strd %[c], %[d], [%[dst]], #8\n"
        "sxtb16 %[a], %[a], ror #8\n"
        "sxtb16 %[b], %[b], ror #8\n"
        "strd %[a], %[b], [%[dst]], #8\n"
        : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [x0] "+r"(x0), [x1] "+r"(x1), [dst] "+r"(dst)
        :
        : "memory");
  }
}

tm_status tm_conv_2d_i8_compact_dsp(const tm_conv_2d_i8_params *p, const int8_t *x, const int8_t *w, const int32_t *bias, int8_t *y,
                                    void *scratch) {
  if (p == NULL || x == NULL || w == NULL || bias == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t filter = p->kernel_h * p->kernel_w * p->in.c;
  const int32_t fours = filter & ~3;
  if (p->groups != 1 || fours == 0) {
    return TM_ERR_SHAPE;
  }
  uint32_t *const wide = (uint32_t *)scratch;
  int8_t *const bytes = (int8_t *)(wide + fours);
  int32_t oy = 0;
  int32_t ox = 0;
  for (int32_t left = p->out.h * p->out.w; left > 0; left -= 2) {
    const int8_t *in[2];
    int8_t *out[2];
    for (int32_t k = 0; k < 2; ++k) {
      if (k > 0 && left == 1) { /* no second pixel: the first one twice */
        in[1] = in[0];
        out[1] = out[0];
        break;
      }
      in[k] = window(p, x, bytes + k * filter, oy * p->stride_h - p->pad_top, ox * p->stride_w - p->pad_left);
      out[k] = y + tm_row_offset(&p->out, oy) + (ptrdiff_t)ox * p->out.px_stride;
      if (++ox == p->out.w) {
        ox = 0;
        ++oy;
      }
    }
    widen(wide, in[0], in[1], fours);
    /* inputs may be overwritten as soon as the first output is written */
    int8_t rests[2][3];
    for (int32_t k = 0; k < 2; ++k) {
      (void)copy_bytes(rests[k], in[k] + fours, filter - fours);
    }
    for (int32_t c = 0; c < p->out.c; c += 2) {
      /* a lone last channel is computed twice */
      const int32_t second = c + 1 < p->out.c ? c + 1 : c;
      const int8_t *const weights[2] = {w + (ptrdiff_t)c * filter, w + (ptrdiff_t)second * filter};
      dot_job job = {wide, wide + fours, weights[0], weights[1], {0, 0, 0, 0}};
      dot(&job);
      for (int32_t k = 0; k < 4; ++k) {
        const int32_t at = k < 2 ? c : second;
        int32_t sum = job.sum[k];
        for (int32_t rest = fours; rest < filter; ++rest) {
          sum += (int32_t)rests[k & 1][rest - fours] * weights[k >> 1][rest];
        }
        const int32_t q = tm_requant(tm_add_wrap_i32(bias[at], sum), p->mult[at], p->shift[at]);
        out[k & 1][at] = (int8_t)tm_offset_clamp_i32(q, p->out_zero_point, p->clamp_lo, p->clamp_hi);
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_conv_2d_i8_compact_dsp_not_built;
#endif
