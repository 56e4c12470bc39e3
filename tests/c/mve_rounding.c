/*
 * Every rounding of the Helium kernels against tm/base.h and the portable kernels, on the emulated core: dense accumulators around
 * each tie, all pairs of int8 values. Prints and exits by semihosting; the exit code is the number of the check that failed.
 */
#include "tm/conv_2d_mve.h"
#include "tm/depthwise_conv_2d_mve.h"
#include "tm/pairwise_mve.h"

enum { GROUPS = 64, CHANNELS = 4 * GROUPS, TOP_OF_STACK = 0x21400000 };

void reset(void);
void fault(void);

static void quit(uint32_t code) {
  const uint32_t block[2] = {0x20026u, code}; /* ADP_Stopped_ApplicationExit */
  register uint32_t r0 __asm__("r0") = 0x20u; /* SYS_EXIT_EXTENDED */
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  for (;;) {
  }
}

void fault(void) { quit(255); }

__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
    (void (*)(void))TOP_OF_STACK, reset, fault, fault, fault, fault, fault};

static uint32_t state = 1;
static uint32_t draw(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static int32_t stream[GROUPS * 32];
static int32_t accumulators[CHANNELS];
static int8_t got[2 * CHANNELS]; /* two pixels: kernels compute them side by side */
static int8_t scratch[1024] __attribute__((aligned(8)));

static void expect(int32_t mult, int32_t e, int32_t zero, int32_t lo, int32_t hi, uint32_t check) {
  for (int32_t c = 0; c < 2 * CHANNELS; ++c) {
    const int32_t want = tm_offset_clamp_i32(tm_requant(accumulators[c % CHANNELS], mult, -e), zero, lo, hi);
    if (got[c] != want) {
      quit(check);
    }
  }
}

/* Pixels of one input whose weights are 0: the bias is the accumulator. */
static void conv(int32_t mult, int32_t e, int32_t zero, int32_t lo) {
  for (int32_t g = 0; g < GROUPS; ++g) {
    for (int32_t k = 0; k < 4; ++k) {
      stream[13 * g + k] = accumulators[4 * g + k];
      stream[13 * g + 5 + k] = mult;
      stream[13 * g + 9 + k] = -e;
    }
    stream[13 * g + 4] = 0;
  }
  static const int8_t x[2] = {77, -3};
  const tm_conv_2d_i8_mve_params p = {
      {1, 2, 1, 2, 1, 0, 0}, {1, 2, CHANNELS, 2 * CHANNELS, CHANNELS, 0, 0}, 1, 1, 1, 1, 1, 1, 0, 0, 0, zero, lo, 127, lo >= zero,
  };
  if (tm_conv_2d_i8_mve(&p, x, stream, got, scratch) != TM_OK) {
    quit(1);
  }
  expect(mult, e, zero, lo, 127, lo >= zero ? 2u : 3u);
}

static void depthwise(int32_t mult, int32_t e, int32_t zero) {
  static int8_t x[2 * CHANNELS];
  for (int32_t g = 0; g < GROUPS; ++g) {
    int32_t *at = stream + 28 * g;
    for (int32_t k = 0; k < 16; ++k) {
      at[k] = 0;
    }
    for (int32_t k = 0; k < 4; ++k) {
      at[16 + k] = accumulators[4 * g + k];
      at[20 + k] = mult;
      at[24 + k] = -e;
    }
  }
  const tm_geom two = {1, 2, CHANNELS, 2 * CHANNELS, CHANNELS, 0, 0};
  const tm_depthwise_conv_2d_i8_mve_params p = {two, two, 1, 1, 1, 1, 1, 1, 0, 0, 0, zero};
  if (tm_depthwise_conv_2d_i8_mve(&p, x, stream, got, scratch) != TM_OK) {
    quit(4);
  }
  expect(mult, e, zero, -128, 127, 5);
}

/* Accumulators whose second rounding is a tie or lies beside one, over the whole range; and any. */
static void fill(int32_t mult, int32_t e) {
  const int64_t half = (int64_t)1 << (e - 1);
  for (int32_t c = 0; c < CHANNELS; ++c) {
    const int64_t q = (int32_t)draw() % 400 - (draw() & 1u);
    const int64_t t = q * 2 * half + half; /* between q and q + 1 */
    int64_t acc = (t * ((int64_t)1 << 31)) / mult + (int32_t)(draw() % 5u) - 2;
    if (c % 4 == 3 || acc > INT32_MAX || acc < INT32_MIN) {
      acc = (int32_t)(draw() >> (draw() % 24u)) * ((draw() & 1u) != 0 ? 1 : -1);
    }
    accumulators[c] = (int32_t)acc;
  }
}

static int8_t a_values[256], all[256], sums[256], wanted[256];

static const tm_geom line = {1, 256, 1, 256, 1, 0, 0};

static void add(const tm_add_i8_params *p) {
  for (int32_t k = 0; k < 256; ++k) {
    for (int32_t i = 0; i < 256; ++i) {
      a_values[i] = (int8_t)(k - 128);
      all[i] = (int8_t)(i - 128);
    }
    if (tm_add_i8_mve(p, a_values, all, sums, NULL) != TM_OK || tm_add_i8(p, a_values, all, wanted, NULL) != TM_OK) {
      quit(6);
    }
    for (int32_t i = 0; i < 256; ++i) {
      if (sums[i] != wanted[i]) {
        quit(7);
      }
    }
  }
}

static void mul(const tm_mul_i8_params *p) {
  for (int32_t k = 0; k < 256; ++k) {
    for (int32_t i = 0; i < 256; ++i) {
      a_values[i] = (int8_t)(k - 128);
      all[i] = (int8_t)(i - 128);
    }
    if (tm_mul_i8_mve(p, a_values, all, sums, NULL) != TM_OK || tm_mul_i8(p, a_values, all, wanted, NULL) != TM_OK) {
      quit(8);
    }
    for (int32_t i = 0; i < 256; ++i) {
      if (sums[i] != wanted[i]) {
        quit(9);
      }
    }
  }
}

static __attribute__((noinline)) void run(void) {
  for (int32_t e = 1; e <= 31; ++e) {
    for (int32_t round = 0; round < 12; ++round) {
      const int32_t mult = round == 0 ? 1 << 30 : (round == 1 ? INT32_MAX : (int32_t)(draw() >> 2 | 1u << 30));
      const int32_t zero = (int32_t)(draw() % 256u) - 128;
      fill(mult, e);
      conv(mult, e, zero, -128);
      conv(mult, e, zero, zero);
      depthwise(mult, e, zero);
    }
  }
  for (int32_t round = 0; round < 24; ++round) {
    /* multipliers as the lowering makes them: halves and powers of two among them, which give ties */
    const int32_t a_shift = round % 8 == 7 ? -20 : -(round % 8);
    const int32_t a_mult = (round % 8 == 0 || round % 8 == 7 || round % 3 == 0 ? 1 << 30 : (int32_t)(draw() >> 2 | 1u << 30)) * (round % 5 == 4 ? -1 : 1);
    const tm_add_i8_params p = {
        line, line, line, (int32_t)(draw() % 256u) - 127, a_mult, a_shift, (int32_t)(draw() % 256u) - 127,
        (round % 7 == 6 ? -1 : 1) * (1 << 19), round % 4 == 0 || round % 8 == 7 ? 1 << 30 : (int32_t)(draw() >> 2 | 1u << 30),
        round % 8 == 7 ? -19 : -16 - round % 6,
        (int32_t)(draw() % 256u) - 128, round % 2 == 0 ? -128 : -100, round % 2 == 0 ? 127 : 90,
    };
    add(&p);
    const tm_mul_i8_params m = {
        line, line, line, (int32_t)(draw() % 256u) - 127, (int32_t)(draw() % 256u) - 127,
        round % 3 == 0 ? 1 << 30 : (int32_t)(draw() >> 2 | 1u << 30), -1 - round % 12,
        (int32_t)(draw() % 256u) - 128, round % 2 == 0 ? -128 : -90, round % 2 == 0 ? 127 : 101,
    };
    mul(&m);
  }
}

void reset(void) {
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: before the first vector instruction */
  __asm__ volatile("dsb\n isb" ::: "memory");
  run();
  quit(0);
}
