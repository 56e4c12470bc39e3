/* The fake core: standard input and output as Serial, and the sketch that the generated main.cpp is. Ends with its input. */
#include <Arduino.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint8_t waiting;
static bool has_waiting;
static bool begun;
FakeSerial Serial;

static bool readable(int ms) {
  struct pollfd p = {STDIN_FILENO, POLLIN, 0};
  return poll(&p, 1, ms) > 0;
}

void FakeSerial::begin(unsigned long baud) { begun = baud == 115200; }

int FakeSerial::available(void) {
  if (!begun) {
    exit(3);
  }
  if (!has_waiting && readable(0)) {
    if (::read(STDIN_FILENO, &waiting, 1) != 1) {
      exit(0);
    }
    has_waiting = true;
  }
  return has_waiting ? 1 : 0;
}

int FakeSerial::read(void) {
  has_waiting = false;
  return waiting;
}

/* Takes less than it is given, as a core with a full buffer does. */
size_t FakeSerial::write(const uint8_t *bytes, size_t n) {
  static unsigned calls;
  if (DEAD_LINE || ++calls % 5 == 0) {
    return 0;
  }
  const ssize_t done = ::write(STDOUT_FILENO, bytes, n < 50 ? n : 50);
  return done < 0 ? 0 : static_cast<size_t>(done);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

unsigned long micros(void) { return static_cast<unsigned long>(now_ns() / 1000u); }

#if DEAD_LINE
static unsigned waited;
void delay(unsigned long ms) { waited += static_cast<unsigned>(ms); }
#else
void delay(unsigned long ms) { (void)readable(static_cast<int>(ms)); }
#endif

#if defined(ESP32)
FakeEsp ESP;
uint32_t FakeEsp::getCycleCount(void) { return static_cast<uint32_t>(now_ns() * 160u / 1000u); }
uint32_t getCpuFrequencyMhz(void) { return 160; }
void disableCore0WDT(void) {}
#endif

#if DEAD_LINE
#include "tm/port.h"

int main(void) {
  static const uint8_t bytes[100] = {0};
  tm_port_init();
  tm_port_write(bytes, sizeof bytes);
  return waited >= 100 && waited <= 5000 ? 0 : 1;
}
#else
extern "C" int network_main(void);
void setup(void) { (void)network_main(); }
void loop(void) {}

int main(void) {
  setup();
  for (;;) {
    loop();
  }
}
#endif
