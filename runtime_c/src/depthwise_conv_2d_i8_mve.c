/*
 * DEPTHWISE_CONV_2D, int8, Armv8.1-M with Helium. Contract: tm/depthwise_conv_2d_mve.h. Empty on other cores.
 *
 * The rows of a window are interleaved once per input column (VST4), so that a window of one channel is gathered by one to
 * four loads of four words, each of which feeds a VMLADAV. Two pixels and four channels share weights and constants. The
 * gathering loads write their addresses back: the next channel's word lies four bytes further.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/depthwise_conv_2d_mve.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include "tm/bytes_mve.h"

enum {
  BLOCK = 16,  /* channels whose columns are stored together */
  COLUMN = 64, /* bytes of a column's words in one plane */
};

/* What the assembly below reads, in this order. */
typedef struct window_job {
  uint32_t at[4]; /* addresses of the first pixel's four words, at the first channel, less 4; stepped */
  int32_t step;   /* bytes of scratch from one pixel's words to the next one's */
  int32_t y_step;
  int32_t last_step, last_y_step; /* of the last pair, 0 where it is one pixel */
  int32_t groups;
  int32_t zero_point;
  int32_t pairs;     /* of pixels */
  const int32_t *w;  /* stream, at the first group */
  int8_t *y;         /* first pixel, at the first channel; stepped */
} window_job;

#define FIRST(a, b)                   \
  "vldrb.8 q0, [r5], #16\n"           \
  "vldrw.u32 q1, [q6, #4]!\n"         \
  "vldrw.u32 q2, [q7, #4]!\n"         \
  "vmladav.s8 " a ", q0, q1\n"        \
  "vmladav.s8 " b ", q0, q2\n"
#define MORE(a, b, offset)            \
  "vldrb.8 q0, [r5], #16\n"           \
  "vldrw.u32 q1, [q6, #" offset "]\n" \
  "vldrw.u32 q2, [q7, #" offset "]\n" \
  "vmladava.s8 " a ", q0, q1\n"       \
  "vmladava.s8 " b ", q0, q2\n"
#define ONE_1(a, b) FIRST(a, b)
#define ONE_2(a, b) FIRST(a, b) MORE(a, b, "256")
#define TWO_3(a, b) FIRST(a, b) MORE(a, b, "128") MORE(a, b, "256")
#define TWO_4(a, b) TWO_3(a, b) MORE(a, b, "384")

/* Sums of the first pixel in r0, r2, r4, r6, of the second in r8, r10, r12, lr. */
#define WINDOWS(NAME, CHANNEL)                                                                  \
  static __attribute__((naked, noinline)) void NAME(window_job *job __attribute__((unused))) { \
    __asm__ volatile(                                                                          \
        "push {r0, r4-r11, lr}\n"                                                              \
        "vpush {d8-d15}\n"                                                                     \
        "ldrd r3, r11, [r0, #40]\n" /* pairs, and w in r11 */                                  \
        "ldr r9, [r0, #36]\n"                                                                  \
        ".L" #NAME "_pair:\n"                                                                  \
        "push {r3}\n"                                                                          \
        "vldrw.32 q6, [r0]\n"                                                                  \
        "ldrd r2, r4, [r0, #16]\n"                                                             \
        "cmp r3, #1\n"                                                                         \
        "it eq\n"                                                                              \
        "ldrdeq r2, r4, [r0, #24]\n"                                                           \
        "ldr r1, [r0, #48]\n"                                                                  \
        "ldr r7, [r0, #32]\n"                                                                  \
        "mov r5, r11\n"                                                                        \
        "vadd.i32 q7, q6, r2\n"                                                                \
        "adds r3, r1, r4\n"                                                                    \
        "vadd.i32 q0, q7, r2\n"                                                                \
        "adds r4, r3, r4\n"                                                                    \
        "vstrw.32 q0, [r0]\n"                                                                  \
        "str r4, [r0, #48]\n"                                                                  \
        ".L" #NAME "_group:\n"                                                                 \
        CHANNEL("r0", "r8") CHANNEL("r2", "r10") CHANNEL("r4", "r12") CHANNEL("r6", "lr")      \
        "vldrw.32 q2, [r5], #16\n"                                                             \
        "vmov q0[2], q0[0], r0, r4\n"                                                          \
        "vldrw.32 q3, [r5], #16\n"                                                             \
        "vmov q0[3], q0[1], r2, r6\n"                                                          \
        "vldrw.32 q4, [r5], #16\n"                                                             \
        "vmov q1[2], q1[0], r8, r12\n"                                                         \
        "vadd.i32 q0, q0, q2\n"                                                                \
        "vmov q1[3], q1[1], r10, lr\n"                                                         \
        "vqrdmulh.s32 q5, q0, q3\n"                                                            \
        "vshr.s32 q0, q0, #31\n"                                                               \
        "vadd.i32 q1, q1, q2\n"                                                                \
        "vadd.i32 q5, q5, q0\n"                                                                \
        "vqrdmulh.s32 q0, q1, q3\n"                                                            \
        "vshr.s32 q1, q1, #31\n"                                                               \
        "vrshl.s32 q5, q5, q4\n"                                                               \
        "vadd.i32 q0, q0, q1\n"                                                                \
        "vrshl.s32 q0, q0, q4\n"                                                               \
        /* both pixels' results side by side in halves, then in bytes */                       \
        "vqmovnb.s32 q5, q5\n"                                                                 \
        "vqmovnt.s32 q5, q0\n"                                                                 \
        "vqadd.s16 q5, q5, r9\n"                                                               \
        "vqmovnb.s16 q5, q5\n"                                                                 \
        "vstrb.32 q5, [r1], #4\n"                                                              \
        "vshr.u32 q5, q5, #16\n"                                                               \
        "vstrb.32 q5, [r3], #4\n"                                                              \
        "subs r7, #1\n"                                                                        \
        "bne .L" #NAME "_group\n"                                                              \
        "pop {r3}\n"                                                                           \
        "ldr r0, [sp, #64]\n"                                                                  \
        "subs r3, #1\n"                                                                        \
        "bne .L" #NAME "_pair\n"                                                               \
        "vpop {d8-d15}\n"                                                                      \
        "pop {r0, r4-r11, pc}\n");                                                             \
  }

WINDOWS(tm_windows_one_1, ONE_1)
WINDOWS(tm_windows_one_2, ONE_2)
WINDOWS(tm_windows_two_3, TWO_3)
WINDOWS(tm_windows_two_4, TWO_4)

/* Where four rows of a window lie for a strip of outputs: columns of padding, of the input, of padding. */
typedef struct four_rows {
  const int8_t *row[4]; /* first column of the input, first channel */
  int32_t step[4];      /* from pixel to pixel; 0: the row is outside, its pixels are the one of padding */
  int32_t left, inside, right;
} four_rows;

/* Stores the columns of `channels` <= 16 channels from channel `base` on. */
static void interleave(uint8_t *dst, const four_rows *from, int32_t base, int32_t channels) {
  const int8_t *a = from->row[0] + (from->step[0] != 0 ? base : 0);
  const int8_t *b = from->row[1] + (from->step[1] != 0 ? base : 0);
  const int8_t *c = from->row[2] + (from->step[2] != 0 ? base : 0);
  const int8_t *d = from->row[3] + (from->step[3] != 0 ? base : 0);
  __asm__ volatile(
      "vctp.8 %[channels]\n"
      "wls lr, %[n], 2f\n"
      "1: vpstttt\n"
      "vldrbt.8 q0, [%[a]]\n"
      "vldrbt.8 q1, [%[b]]\n"
      "vldrbt.8 q2, [%[c]]\n"
      "vldrbt.8 q3, [%[d]]\n"
      "add %[a], %[step_a]\n"
      "add %[b], %[step_b]\n"
      "add %[c], %[step_c]\n"
      "add %[d], %[step_d]\n"
      "vst40.8 {q0, q1, q2, q3}, [%[dst]]\n"
      "vst41.8 {q0, q1, q2, q3}, [%[dst]]\n"
      "vst42.8 {q0, q1, q2, q3}, [%[dst]]\n"
      "vst43.8 {q0, q1, q2, q3}, [%[dst]]!\n"
      "le lr, 1b\n"
      "2:\n"
      : [dst] "+r"(dst), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d)
      : [step_a] "r"(from->step[0]), [step_b] "r"(from->step[1]), [step_c] "r"(from->step[2]), [step_d] "r"(from->step[3]),
        [n] "r"(from->inside), [channels] "r"(channels)
      : "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "lr", "cc", "memory");
}

/* Columns that are padding in all rows. */
static uint8_t *interleave_pad(uint8_t *dst, int32_t value, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    dst = (uint8_t *)tm_fill_bytes_mve((int8_t *)dst, value, COLUMN);
  }
  return dst;
}

/* n columns from input column ix on, of window rows first..first+3 where the window begins in input row iy. */
static four_rows find_rows(const tm_depthwise_conv_2d_i8_mve_params *p, const int8_t *x, const int8_t *pad, int32_t first, int32_t iy,
                           int32_t ix, int32_t n) {
  four_rows r;
  r.left = tm_clamp_i32(-ix, 0, n);
  r.inside = tm_clamp_i32(p->in.w - ix, r.left, n) - r.left;
  r.right = n - r.left - r.inside;
  for (int32_t k = 0; k < 4; ++k) {
    /* a window has no more than KH rows: the weights of those beyond are 0, whatever is read */
    const int32_t at = iy + tm_min_i32(first + k, p->kernel_h - 1) * p->dilation_h;
    const int row_inside = at >= 0 && at < p->in.h && r.inside > 0;
    r.row[k] = row_inside ? x + tm_row_offset(&p->in, at) + (ptrdiff_t)(ix + r.left) * p->in.px_stride : pad;
    r.step[k] = row_inside ? p->in.px_stride : 0;
  }
  return r;
}

tm_status tm_depthwise_conv_2d_i8_mve(const tm_depthwise_conv_2d_i8_mve_params *p, const int8_t *x, const int32_t *w, int8_t *y,
                                      void *scratch) {
  if (p == NULL || x == NULL || w == NULL || y == NULL || scratch == NULL) {
    return TM_ERR_ARGUMENT;
  }
  const int32_t c = p->in.c;
  if (c < 4 || c != p->out.c || p->kernel_h > 8 || p->kernel_w > 8 || p->dilation_w != 1) {
    return TM_ERR_SHAPE;
  }
  const int32_t planes = p->kernel_h > 4 ? 2 : 1;
  const int wide = p->kernel_w > (planes == 2 ? 6 : 4);
  const int32_t operands = planes == 2 ? (wide ? 4 : 3) : (wide ? 2 : 1);
  void (*const windows)(window_job *) =
      planes == 2 ? (wide ? tm_windows_two_4 : tm_windows_two_3) : (wide ? tm_windows_one_2 : tm_windows_one_1);
  const int32_t group_words = 4 * (4 * operands + 3);
  int8_t *pad = (int8_t *)scratch;
  uint8_t *const columns = (uint8_t *)scratch + BLOCK;
  const uint32_t start = (uint32_t)(uintptr_t)columns - 4u;
  for (int32_t k = 0; k < BLOCK; ++k) {
    pad[k] = (int8_t)p->pad_value;
  }
  for (int32_t oy = 0, iy = -p->pad_top; oy < p->out.h; ++oy, iy += p->stride_h) {
    int8_t *row = y + tm_row_offset(&p->out, oy);
    for (int32_t ox = 0; ox < p->out.w; ox += TM_DEPTHWISE_MVE_STRIP) {
      const int32_t pixels = tm_min_i32(p->out.w - ox, TM_DEPTHWISE_MVE_STRIP);
      const int32_t n = (pixels - 1) * p->stride_w + p->kernel_w;
      const int32_t ix = ox * p->stride_w - p->pad_left;
      const int32_t plane = n * COLUMN;
      /* an operand's words: of four columns, or of two planes and two columns */
      const uint32_t second = planes == 2 ? (uint32_t)plane : (uint32_t)COLUMN;
      const uint32_t third = planes == 2 ? (uint32_t)COLUMN : 2u * (uint32_t)COLUMN;
      four_rows rows[2];
      for (int32_t k = 0; k < planes; ++k) {
        rows[k] = find_rows(p, x, pad, 4 * k, iy, ix, n);
        uint8_t *const inside = interleave_pad(columns + k * plane, p->pad_value, rows[k].left);
        (void)interleave_pad(inside + rows[k].inside * COLUMN, p->pad_value, rows[k].right);
      }
      window_job job = {
          {0, 0, 0, 0}, p->stride_w * COLUMN, p->out.px_stride, pixels % 2 != 0 ? 0 : p->stride_w * COLUMN,
          pixels % 2 != 0 ? 0 : p->out.px_stride, 0, p->out_zero_point, (pixels + 1) / 2, w, NULL,
      };
      for (int32_t base = 0, done = 0; done < c; base += BLOCK) {
        base = c < BLOCK ? 0 : tm_min_i32(base, c - BLOCK);
        const int32_t end = tm_min_i32(base + BLOCK, c);
        for (int32_t k = 0; k < planes; ++k) {
          interleave(columns + k * plane + rows[k].left * COLUMN, &rows[k], base, end - base);
        }
        /* groups of four up to the block's end; those of the last block end with it, so of few channels two runs overlap */
        while (done < end) {
          const int32_t left = end - done;
          job.groups = left < 4 ? 1 : (c < BLOCK ? left / 4 : (left + 3) / 4);
          const int32_t first = tm_min_i32(done, end - 4 * job.groups);
          const uint32_t at = start + 4u * (uint32_t)(first - base);
          job.at[0] = at;
          job.at[1] = at + second;
          job.at[2] = at + third;
          job.at[3] = at + second + third;
          job.y = row + (ptrdiff_t)ox * p->out.px_stride + first;
          windows(&job);
          job.w += job.groups * group_words;
          done = first + 4 * job.groups;
        }
      }
    }
  }
  return TM_OK;
}
#else
/* ISO C forbids an empty translation unit */
typedef int tm_depthwise_conv_2d_i8_mve_not_built;
#endif
