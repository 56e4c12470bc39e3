/*
 * Puts functions in the place of a port's hardware registers: included before a port's C source, which is compiled as C++ so that an
 * assignment to a register is a call. The functions are set by the test (tests/test_clocks.py).
 */
#ifndef FAKE_REGISTERS_H
#define FAKE_REGISTERS_H

#include <stdint.h>

typedef uint32_t (*fake_reader)(uint32_t address);
typedef void (*fake_writer)(uint32_t address, uint32_t value);

extern "C" {
fake_reader fake_read;
fake_writer fake_write;
uint8_t __stack_bottom[4096] __attribute__((aligned(16))), __stack_top[1];
}

template <class T>
struct FakeRegister {
  uint32_t address;
  operator T() const { return static_cast<T>(fake_read(address)); }
  void operator=(T v) const { fake_write(address, v); }
  void operator|=(T v) const { fake_write(address, fake_read(address) | v); }
  void operator&=(T v) const { fake_write(address, fake_read(address) & v); }
};

#define REG32(a) (FakeRegister<uint32_t>{static_cast<uint32_t>(a)})
#define REG16(a) (FakeRegister<uint16_t>{static_cast<uint32_t>(a)})
#define REG8(a) (FakeRegister<uint8_t>{static_cast<uint32_t>(a)})
#define BARRIER() ((void)0)

/* No port decides anything by a CSR. */
#define CSR_READ(name, to) ((to) = 0u)
#define CSR_WRITE(name, from) ((void)(from))

#endif /* FAKE_REGISTERS_H */
