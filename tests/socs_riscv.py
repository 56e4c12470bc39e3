"""Clock trees of the GD32VF103, the CH32V307 and the FE310-G002, as their manuals describe them."""

from __future__ import annotations

from abc import abstractmethod

from socs import MHZ, Soc, follow, prescaler


class F1Like(Soc):
    """RCC, GPIO and USART laid out like the STM32F1's. The subclass knows the PLL's factor."""

    RCC, GPIOA = 0x40021000, 0x40010800
    RESET = {RCC: 0x83, GPIOA: 0x44444444, GPIOA + 4: 0x44444444}
    APB1, APB2, MAX = 0, 0, 0

    @abstractmethod
    def factor(self) -> float:
        """The PLL's output over its input."""

    @abstractmethod
    def predivider(self) -> int:
        """What HSE is divided by in front of the PLL."""

    def status(self, a: int) -> int:
        v = self.get(a)
        if a == self.RCC:
            v = follow(v, 0, 1, "hsi" not in self.dead)
            v = follow(v, 16, 17, "hse" not in self.dead)
            return follow(v, 24, 25, "pll" not in self.dead)
        if a == self.RCC + 4:
            return v & ~12 | self.running() << 2
        return v | 0xC0 if a == self.usart else v

    def masked(self, a: int, v: int) -> int:
        factor = 0x203D0000  # of the PLL, and its source
        on = self.get(self.RCC) >> 24 & 1 and self.running() == 2
        self.need(a != self.RCC + 4 or not on or v & 3 != 2 or not (v ^ self.get(a)) & factor, "the PLL is changed while it is the clock")
        return v

    def running(self) -> int:
        """SWS: 0 HSI, 1 HSE, 2 PLL."""
        wanted = self.get(self.RCC + 4) & 3
        return 0 if "switch" in self.dead and wanted == 2 else wanted

    def clocked(self, a: int) -> bool:
        gates = self.get(self.RCC + 0x18)
        return bool({self.GPIOA: gates >> 2, self.usart: gates >> 14}.get(a if a < self.usart else a & ~0x3FF, 1) & 1)

    def pll(self) -> float:
        return (self.hse / self.predivider() if self.bits(self.RCC + 4, 16, 16) else 4 * MHZ) * self.factor()

    def clock(self) -> float:
        return (8 * MHZ, self.hse, self.pll())[self.running()] / (1 if not self.bits(self.RCC + 4, 7, 7) else 2)

    def bit_rate(self) -> float:
        divisor = self.get(self.usart + 8)
        return self.clock() / prescaler(self.bits(self.RCC + 4, 13, 11)) / divisor if divisor else 0

    def check(self) -> None:
        c = self.RCC + 4
        apb1, apb2 = (self.clock() / prescaler(self.bits(c, h, h - 2)) for h in (10, 13))
        self.need(self.clock() <= self.MAX * MHZ and apb1 <= self.APB1 * MHZ and apb2 <= self.APB2 * MHZ, "a clock is above its limit")

    def console_faults(self) -> list[str]:
        out = []
        for pin, modes in ((self.tx, (0x9, 0xA, 0xB)), (self.rx, (0x4, 0x8))):  # alternate push-pull; input floating or pulled
            mode = self.get(self.GPIOA + 0x400 * pin.index + 4 * (pin.number // 8)) >> 4 * (pin.number % 8) & 15
            if mode not in modes:
                out.append(f"P{pin.port}{pin.number} is in mode {mode:#x}")
            if mode == 8 and not self.get(self.GPIOA + 0x400 * pin.index + 0x10) >> pin.number & 1:
                out.append(f"P{pin.port}{pin.number} is pulled down")
        control = self.get(self.usart + 0x0C)
        return out if control & 0x200C == 0x200C else [*out, f"USART control is {control:#x}"]


class Gd32vf103(F1Like):
    MAX, APB1, APB2 = 108, 54, 108

    def factor(self) -> float:
        f = self.bits(self.RCC + 4, 21, 18) | self.bits(self.RCC + 4, 29, 29) << 4
        return 6.5 if f == 13 else 16 if f == 15 else f + 1 if f >= 16 else f + 2

    def predivider(self) -> int:
        return self.bits(self.RCC + 0x2C, 3, 0) + 1


class Ch32v307(F1Like):
    MAX, APB1, APB2 = 144, 144, 144

    def factor(self) -> float:
        return {0: 18, 13: 6.5, 14: 15, 15: 16}.get(f := self.bits(self.RCC + 4, 21, 18), f + 2)

    def predivider(self) -> int:
        return self.bits(self.RCC + 0x2C, 3, 0) + 1


class Fe310(Soc):
    PRCI, GPIO, QSPI = 0x10008000, 0x10012000, 0x10014000
    RESET = {PRCI: 1 << 30 | 4, PRCI + 8: 1 << 18 | 1 << 17 | 0x1F1, QSPI: 3}

    def status(self, a: int) -> int:
        v = self.get(a)
        if a in (self.PRCI, self.PRCI + 4):
            return follow(v, 30, 31, ("hsi" if a == self.PRCI else "hse") not in self.dead)
        if a == self.PRCI + 8:
            return v & ~(1 << 31) | (0 if "pll" in self.dead else 1 << 31)
        return v

    def pll(self) -> tuple[float, float, float]:
        c = self.PRCI + 8
        ref = (self.hse if self.bits(c, 17, 17) else 14.4 * MHZ) / (self.bits(c, 2, 0) + 1)
        vco = ref * 2 * (self.bits(c, 9, 4) + 1)
        return (
            ref,
            vco,
            vco / (1 << self.bits(c, 11, 10)) / (1 if self.bits(self.PRCI + 12, 8, 8) else 2 * (self.bits(self.PRCI + 12, 5, 0) + 1)),
        )

    def clock(self) -> float:
        c = self.PRCI + 8
        if not self.bits(c, 16, 16):
            return 72 * MHZ / (self.bits(self.PRCI, 5, 0) + 1)
        return self.hse if self.bits(c, 18, 18) else self.pll()[2]

    def bit_rate(self) -> float:
        return self.clock() / (self.get(self.usart + 0x18) + 1)

    def check(self) -> None:
        self.need(self.clock() <= 320 * MHZ, "the clock is above its limit")
        self.need(self.clock() / (2 * (self.bits(self.QSPI, 11, 0) + 1)) <= 50 * MHZ, "the flash's clock is above 50 MHz")
        if self.bits(self.PRCI + 8, 16, 16):
            ref, vco, _ = self.pll()
            self.need(6 * MHZ <= ref <= 12 * MHZ and 384 * MHZ <= vco <= 768 * MHZ, "the PLL is outside its range")

    def console_faults(self) -> list[str]:
        pins = 1 << self.tx.number | 1 << self.rx.number
        on = self.get(self.GPIO + 0x38) & pins == pins and not self.get(self.GPIO + 0x3C) & pins
        return [] if on and self.get(self.usart + 8) & 1 and self.get(self.usart + 12) & 1 else ["UART0 is not on its pins"]
