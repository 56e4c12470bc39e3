/*
 * Any board that has an Arduino core: its Serial is the line, its micros() the counter, or the cycles of an ESP32 of any kind.
 * Source: Arduino language reference (Stream, Print, micros, delay); Arduino core for the ESP32: Esp.h, esp32-hal.h.
 *
 * The framework owns main(), start-up, clocks and stack; the sketch's setup() calls tm_port_init() and tm_runner().
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include <Arduino.h>

#include "tm/port.h"

/* A line that takes nothing for this long is dead, or nobody listens. */
static const unsigned TX_LIMIT_MS = 1000;

void tm_port_init(void) {
#if defined(ESP32)
  (void)Serial.setRxBufferSize(TM_RUNNER_PAYLOAD + 64u); /* a whole frame */
  disableCore0WDT();                                     /* an inference may keep the idle task waiting for longer than it allows */
#endif
  Serial.begin(TM_BAUD);
}

void tm_port_get_info(tm_port_info *info) {
  info->board = TM_BOARD_NAME;
  info->flags = 0;
  info->stack_low = nullptr; /* a task's stack, or whatever the core chose */
  info->stack_high = nullptr;
  info->count_bits = 32;
#if defined(ESP32)
  info->clock_hz = getCpuFrequencyMhz() * 1000000u;
  info->count_hz = info->clock_hz;
  info->count_kind = TM_COUNT_CYCLES;
#else
#if defined(F_CPU)
  info->clock_hz = static_cast<uint32_t>(F_CPU);
#else
  info->clock_hz = 0;
#endif
  info->count_hz = 1000000u;
  info->count_kind = TM_COUNT_TICKS;
#endif
#if defined(F_CPU)
  info->flags |= info->clock_hz < static_cast<uint32_t>(F_CPU) ? static_cast<uint32_t>(TM_FLAG_CLOCK_FALLBACK) : 0u;
#endif
}

uint32_t tm_port_read(uint8_t *dst, uint32_t n) {
  while (Serial.available() <= 0) {
    delay(1); /* lets the framework's own tasks run */
  }
  uint32_t got = 0;
  while (got < n && Serial.available() > 0) {
    dst[got++] = static_cast<uint8_t>(Serial.read());
  }
  return got;
}

void tm_port_write(const uint8_t *src, uint32_t n) {
  for (unsigned idle_ms = 0; n > 0 && idle_ms < TX_LIMIT_MS;) {
    const uint32_t done = static_cast<uint32_t>(Serial.write(src, n));
    src += done;
    n -= done;
    if (done > 0) {
      idle_ms = 0;
    } else {
      delay(1);
      ++idle_ms;
    }
  }
}

uint64_t tm_port_count(void) {
#if defined(ESP32)
  return ESP.getCycleCount();
#else
  return static_cast<uint32_t>(micros());
#endif
}
