/*
 * What a board gives the generic firmware (runtime_c/runner): a byte stream and a counter. One port per board family lies in
 * boards/; the same functions exist on the host, on an emulator and on the real board, so all three run the same firmware.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PORT_H
#define TM_PORT_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What tm_port_count() counts. */
typedef enum tm_count_kind {
  TM_COUNT_NONE = 0,
  TM_COUNT_INSTRUCTIONS = 1, /* retired instructions */
  TM_COUNT_CYCLES = 2,       /* cycles of the core */
  TM_COUNT_TICKS = 3         /* ticks of a timer that runs at count_hz */
} tm_count_kind;

enum {
  TM_FLAG_CLOCK_FALLBACK = 1, /* the rated clock could not be started; clock_hz is the one that runs */
  TM_FLAG_ICACHE = 2,         /* instruction cache on */
  TM_FLAG_DCACHE = 4,         /* data cache on */
  TM_FLAG_FPU = 8,            /* hardware floating point on */
  TM_FLAG_STAND_IN = 16       /* an emulated machine that stands in for the board */
};

typedef struct tm_port_info {
  const char *board;
  uint32_t clock_hz;  /* core clock */
  uint32_t count_hz;  /* rate of the counter; 0: not a matter of time (instructions) */
  uint8_t count_kind; /* tm_count_kind */
  uint8_t count_bits; /* the counter wraps at 2^count_bits */
  uint32_t flags;     /* TM_FLAG_* */
  uint8_t *stack_low; /* lowest byte of the stack; NULL: unknown (host) */
  uint8_t *stack_high;
} tm_port_info;

/* Clocks, caches, console, counter. Every wait inside is bounded. Called once, first. */
void tm_port_init(void);

/*
 * A port may also have a function tm_port_bank_<name>() for a memory bank beside the main ones that has to be started. The firmware
 * calls it after tm_port_init(), before anything reads or writes the bank, where the image uses that bank; elsewhere the linker
 * drops it. This declares it.
 */
#ifdef __cplusplus
#define TM_PORT_BANK(name) extern "C" void tm_port_bank_##name(void)
#else
#define TM_PORT_BANK(name) void tm_port_bank_##name(void)
#endif

void tm_port_get_info(tm_port_info *info);

/* Waits for at least one byte and returns how many of the bytes at hand it stored, 1..n. 0: the stream has ended (host only). */
uint32_t tm_port_read(uint8_t *dst, uint32_t n);

void tm_port_write(const uint8_t *src, uint32_t n);

/* Free-running, never set; differences are taken modulo 2^count_bits. */
uint64_t tm_port_count(void);

#ifdef __cplusplus
}
#endif

#endif /* TM_PORT_H */
