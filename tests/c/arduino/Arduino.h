/* As much of an Arduino core as the generic port uses, on standard input and output. Written for the tests. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

unsigned long micros(void);
void delay(unsigned long ms);
void setup(void);
void loop(void);

class FakeSerial {
 public:
  void begin(unsigned long baud);
  int available(void);
  int read(void);
  size_t write(const uint8_t *bytes, size_t n);
  size_t setRxBufferSize(size_t n) { return n; }
};
extern FakeSerial Serial;

#if defined(ESP32)
class FakeEsp {
 public:
  uint32_t getCycleCount(void);
};
extern FakeEsp ESP;
uint32_t getCpuFrequencyMhz(void);
void disableCore0WDT(void);
#endif

#endif /* ARDUINO_H */
