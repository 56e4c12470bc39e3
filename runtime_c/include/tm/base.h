/*
 * Shared types and integer arithmetic of the tinyml C runtime.
 *
 * Freestanding C99 (also valid C++): needs <stddef.h> and <stdint.h> only.
 * No allocation, no mutable file-scope data, no floating point in the int8 path.
 *
 * Right shifts of negative values are arithmetic on every compiler we support
 * (GCC, Clang); this is the one implementation-defined behaviour relied upon.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_BASE_H
#define TM_BASE_H

#include <stddef.h>
#include <stdint.h>

/* Bumped whenever a params struct, a kernel contract or tm_model changes. Generated code asserts it. */
#define TM_RUNTIME_VERSION 5

#ifdef __cplusplus
#define TM_RESTRICT __restrict
#define TM_STATIC_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define TM_RESTRICT restrict
/* C11's keyword is accepted by GCC and Clang in C99 mode; hide it from -Wpedantic. */
#ifdef __GNUC__
#define TM_STATIC_ASSERT(cond, msg) __extension__ _Static_assert(cond, msg)
#else
#define TM_STATIC_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif
#endif

#if defined(__GNUC__)
#define TM_ALIGNED(n) __attribute__((aligned(n)))
#define TM_NOINLINE __attribute__((noinline))
#else
#define TM_ALIGNED(n)
#define TM_NOINLINE
#endif

/* Constant tables (weights, biases, multipliers) go to named sections, so that a linker script can place them. */
#if defined(__GNUC__) && defined(__ELF__)
#define TM_SECTION(name) __attribute__((section(name)))
#else
#define TM_SECTION(name)
#endif

/*
 * Arena k of a network. Where the plan puts buffers into several memory banks, arena 0 begins with the addresses of the others, so
 * that one pointer stands for all of them. They are written once, before the first inference, and never by one.
 */
static inline uint8_t *tm_arena(uint8_t *arena, uint32_t k) { return k == 0 ? arena : ((uint8_t **)(void *)arena)[k - 1u]; }

/* Tells arena 0 where arena k is, 1 <= k <= tm_model.further; it must stay there for as long as arena 0 is used. */
static inline void tm_arena_set(uint8_t *arena, uint32_t k, uint8_t *further) { ((uint8_t **)(void *)arena)[k - 1u] = further; }

typedef enum tm_status {
  TM_OK = 0,
  TM_ERR_ARGUMENT = 1, /* null pointer, step index out of range */
  TM_ERR_SHAPE = 2,    /* geometries that do not belong together */
  TM_ERR_ARENA = 3,    /* arena too small or misaligned */
  TM_ERR_INPUT = 4     /* rows of the input are missing */
} tm_status;

/*
 * Where a rectangle of an [H,W,C] tensor lies. Strides are in elements. The data pointer is passed beside it.
 * Pixel (y,x) starts at data[tm_row(g, y) * row_stride + x * px_stride]; its c channels are contiguous.
 *
 * ring == 0: row y is the y-th row of the rectangle (tm_row(g, y) == y).
 * ring == n: rows live in a ring of n row slots; row 0 of the rectangle is in slot `first`, row y in slot (first + y) % n.
 *            h <= n, 0 <= first < n.
 * A stride of 0 repeats the same row or pixel (broadcast); kernels say where they allow that.
 */
typedef struct tm_geom {
  int32_t h, w, c;
  int32_t row_stride;
  int32_t px_stride;
  int32_t ring;
  int32_t first;
} tm_geom;

/* Slot of row y, 0 <= y < g->h. */
static inline int32_t tm_row(const tm_geom *g, int32_t y) {
  if (g->ring == 0) {
    return y;
  }
  y += g->first;
  return y >= g->ring ? y - g->ring : y;
}

/* Element offset of pixel (y, 0). */
static inline ptrdiff_t tm_row_offset(const tm_geom *g, int32_t y) {
  return (ptrdiff_t)tm_row(g, y) * (ptrdiff_t)g->row_stride;
}

static inline int32_t tm_min_i32(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t tm_max_i32(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t tm_clamp_i32(int32_t x, int32_t lo, int32_t hi) { return x < lo ? lo : (x > hi ? hi : x); }
static inline float tm_clamp_f32(float x, float lo, float hi) { return x < lo ? lo : (x > hi ? hi : x); }

/*
 * round(a * b / 2^31), ties away from zero for positive and towards zero's far side as gemmlowp defines it:
 * (ab + nudge) / 2^31 with truncation, nudge = 2^30 or 1 - 2^30. Equals ARM's SQRDMULH except that a == b == INT32_MIN
 * saturates. Source: gemmlowp fixedpoint.h, SaturatingRoundingDoublingHighMul.
 * With ties towards +infinity: truncating (x + 1 - 2^30) / 2^31 for x < 0 equals floor((x + 2^30) / 2^31).
 */
static inline int32_t tm_srdhm(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) {
    return INT32_MAX;
  }
  const int64_t ab = (int64_t)a * (int64_t)b;
  return (int32_t)((ab + ((int64_t)1 << 30)) >> 31);
}

/* Rounding division by 2^e, 0 <= e <= 31; ties away from zero. Source: gemmlowp, RoundingDivideByPOT. */
static inline int32_t tm_rdivpot(int32_t x, int32_t e) {
  const int32_t mask = (int32_t)(((uint32_t)1 << e) - 1u);
  const int32_t rem = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> e) + (rem > threshold ? 1 : 0);
}

/*
 * x * mult * 2^shift / 2^31, rounded twice, as LiteRT's MultiplyByQuantizedMultiplier (double rounding build).
 * mult in [2^30, 2^31) or 0; shift in [-31, 30]; positive shifts wrap x << shift as two's complement, like LiteRT.
 */
static inline int32_t tm_requant(int32_t x, int32_t mult, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return tm_rdivpot(tm_srdhm((int32_t)((uint32_t)x << left), mult), right);
}

/*
 * x * mult * 2^shift / 2^31 rounded once, ties up: floor((x * mult + half) / 2^(31 - shift)). shift in [-31, 30], and the
 * result must fit int32; the lowering proves both. FULLY_CONNECTED uses it with a multiplier chosen such that it equals
 * LiteRT's result for every accumulator that can occur.
 */
static inline int32_t tm_requant_once(int32_t x, int32_t mult, int32_t shift) {
  const int32_t total = 31 - shift;
  const int64_t round = (int64_t)1 << (total - 1);
  return (int32_t)(((int64_t)x * (int64_t)mult + round) >> total);
}

/* a + b as an int32 register adds them: a file's bias may be anything, and LiteRT wraps. */
static inline int32_t tm_add_wrap_i32(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/* clamp(q + zero_point, lo, hi) without overflow for any q; zero_point, lo and hi are in the range of int16. */
static inline int32_t tm_offset_clamp_i32(int32_t q, int32_t zero_point, int32_t lo, int32_t hi) {
  return tm_clamp_i32(q, lo - zero_point, hi - zero_point) + zero_point;
}

#endif /* TM_BASE_H */
