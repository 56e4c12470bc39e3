/*
 * Port for a process on the developer's machine: standard input and output are the serial line.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include "tm/port.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void tm_port_init(void) {}

void tm_port_get_info(tm_port_info *info) {
  static const tm_port_info host = {TM_BOARD_NAME, 0, 1000000000u, TM_COUNT_TICKS, 64, 0, NULL, NULL};
  *info = host;
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, dst, n);
    if (got >= 0) {
      return (uint32_t)got;
    }
    if (errno != EINTR) {
      return 0;
    }
  }
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  while (n > 0) {
    const ssize_t done = write(STDOUT_FILENO, src, n);
    if (done > 0) {
      src += done;
      n -= (uint32_t)done;
    } else if (done < 0 && errno != EINTR) {
      exit(1); /* the other side is gone */
    }
  }
}

uint64_t tm_port_count(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
