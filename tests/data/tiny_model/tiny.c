/*
 * A network written by hand that exercises every part of the runner: two inputs (one float over int8, with strides), a
 * step that counts a known loop, intermediates, and outputs of both kinds.
 *
 *   input 0: float32 [2,3,2] over int8 (scale 0.5, zero point -3), pixels 4 elements apart, rows 16 apart
 *   input 1: int8 [1,1,8]
 *   step 0:  t = 2 * input1 (wrapping)      [1,1,8], int8, alive after step 1 only
 *   step 1:  input1 = t + 1 in place        output 1, int8
 *   step 2:  out0 = input0 (stored)         output 0: float32 [2,3,2] over int8, rows 8 apart
 *   step 3, 4: empty loops of LOOP_A and LOOP_B rounds
 *   step 5..: one instruction more each, so that profiles take several frames
 */
#include "tm/runner.h"

#define LOOP_A 100000u
#define LOOP_B 350000u
#define STEPS 20u

static TM_ALIGNED(16) uint8_t arena[128];

/* One decrement and one branch per round on every machine. */
static void rounds(uint32_t n) {
#if defined(__arm__)
  __asm volatile(".syntax unified\n1: subs %0, %0, #1\n\tbne 1b" : "+l"(n) : : "cc"); /* ARMv6-M is written otherwise by default */
#elif defined(__riscv)
  __asm volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(n));
#else
  for (volatile uint32_t k = 0; k < n; ++k) {
  }
#endif
}

TM_SECTION(".tm_weights.tiny") static const uint8_t table[8] = {0, 1, 2, 3, 4, 5, 6, 7};

#ifdef TINY_OVERFLOW
/* Recursion without end, and without a tail call. */
static uint32_t deeper(uint32_t n) {
  volatile uint8_t frame[64];
  frame[n % 64u] = (uint8_t)n;
  return deeper(n + 1u) + frame[n % 64u];
}
#endif

static tm_status run_step(uint8_t *a, uint32_t k) {
  switch (k) {
    case 0:
      for (int i = 0; i < 8; ++i) {
        a[80 + i] = (uint8_t)(a[64 + i] * 2u);
      }
      return TM_OK;
    case 1:
      for (int i = 0; i < 8; ++i) {
        a[64 + i] = (uint8_t)(a[80 + table[i]] + 1u);
      }
      return TM_OK;
    case 2:
      for (int y = 0; y < 2; ++y) {
        for (int x = 0; x < 3; ++x) {
          for (int c = 0; c < 2; ++c) {
            a[96 + y * 8 + x * 2 + c] = a[y * 16 + x * 4 + c];
          }
        }
      }
      return TM_OK;
    case 3:
#ifdef TINY_OVERFLOW
      return (tm_status)deeper(k);
#endif
      rounds(LOOP_A);
      return TM_OK;
    case 4:
      rounds(LOOP_B);
      return TM_OK;
    default:
      return k < STEPS ? TM_OK : TM_ERR_ARGUMENT;
  }
}

static const tm_tensor_info inputs[] = {
    {0, 0, {2, 3, 2, 16, 4, 0, 0}, TM_I8, TM_F32, 0, 2, 0, 0.5f, -3},
    {1, 64, {1, 1, 8, 8, 8, 0, 0}, TM_I8, TM_I8, 0, 1, 0, 1.0f, 0},
};
static const tm_tensor_info outputs[] = {
    {7, 96, {2, 3, 2, 8, 2, 0, 0}, TM_I8, TM_F32, 3, STEPS, 0, 0.5f, -3},
    {9, 64, {1, 1, 8, 8, 8, 0, 0}, TM_I8, TM_I8, 2, STEPS, 0, 1.0f, 0},
};
static const tm_tensor_info tensors[] = {
    {0, 0, {2, 3, 2, 16, 4, 0, 0}, TM_I8, TM_I8, 0, 2, 0, 0.5f, -3},
    {5, 80, {1, 1, 8, 8, 8, 0, 0}, TM_I8, TM_I8, 1, 1, 0, 1.0f, 0},
    {7, 96, {2, 3, 2, 8, 2, 0, 0}, TM_I8, TM_I8, 3, STEPS, 0, 0.5f, -3},
};

static const tm_model tiny_model = {
    "tiny", "0.0.test", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    TM_RUNTIME_VERSION, sizeof arena, 16, STEPS, 2, 2, 3, 0, inputs, outputs, tensors, run_step, NULL, NULL,
};

int main(void) {
  tm_port_init();
  tm_runner(&tiny_model, arena, sizeof arena);
  return 0;
}
