"""Clock trees of the STM32L4 (RM0351) and the STM32H743 (RM0433, revision Y: 400 MHz)."""

from __future__ import annotations

from socs import MHZ, Stm32Pins, follow, prescaler


class Stm32L4(Stm32Pins):
    RCC, PWR, ACR, GPIOA = 0x40021000, 0x40007000, 0x40022000, 0x48000000
    GENERATION = 2
    RESET = {RCC: 0x63, PWR: 0x200, ACR: 0x600}
    WAIT = (16, 32, 48, 64, 80)  # range 1

    def status(self, a: int) -> int:
        v = self.get(a)
        if a == self.RCC:
            v = follow(follow(v, 0, 1, True), 8, 10, "hsi" not in self.dead)
            v = follow(v, 16, 17, "hse" not in self.dead and self.hse > 0 and bool(v >> 18 & 1) == self.bypass)
            return follow(v, 24, 25, "pll" not in self.dead)
        if a == self.RCC + 8:
            return v & ~12 | self.running() << 2
        if a == self.PWR + 0x14:
            return 1 << 10 if "regulator" in self.dead else 0
        if a == self.ACR and "flash" in self.dead:
            return 0
        return v | 0xC0 if a == self.usart_status() else v

    def running(self) -> int:
        """SWS: 0 MSI, 1 HSI16, 2 HSE, 3 PLL."""
        wanted = self.get(self.RCC + 8) & 3
        return 0 if "switch" in self.dead and wanted == 3 else wanted

    def clocked(self, a: int) -> bool:
        if self.GPIOA <= a < self.GPIOA + 0x2000:
            return bool(self.get(self.RCC + 0x4C) >> (a - self.GPIOA) // 0x400 & 1)
        apb1 = self.get(self.RCC + 0x58)
        return bool({0x40004400: apb1 >> 17, self.PWR: apb1 >> 28}.get(a & ~0x3FF, 1) & 1)

    def masked(self, a: int, v: int) -> int:
        self.need(a != self.RCC + 12 or not self.get(self.RCC) >> 24 & 1, "PLLCFGR is written while the PLL is on")
        return v

    def pll(self) -> tuple[float, float, float]:
        c = self.RCC + 12
        msi = (0.1, 0.2, 0.4, 0.8, 1, 2, 4, 8, 16, 24, 32, 48)[self.bits(self.RCC, 7, 4) % 12] * MHZ
        vin = (0, msi, 16 * MHZ, self.hse)[self.bits(c, 1, 0)] / (self.bits(c, 6, 4) + 1)
        vout = vin * self.bits(c, 14, 8)
        return vin, vout, vout / (2 * self.bits(c, 26, 25) + 2) if self.bits(c, 24, 24) else 0

    def clock(self) -> float:
        msi = (0.1, 0.2, 0.4, 0.8, 1, 2, 4, 8, 16, 24, 32, 48)[self.bits(self.RCC, 7, 4) % 12] * MHZ
        return (msi, 16 * MHZ, self.hse, self.pll()[2])[self.running()]

    def usart_clock(self) -> float:
        return self.clock() / prescaler(self.bits(self.RCC + 8, 10, 8))

    def check(self) -> None:
        states, clock = self.bits(self.ACR, 2, 0), self.clock()
        self.need(states < 5 and clock <= self.WAIT[states] * MHZ, f"{states} wait states at {clock / MHZ} MHz")
        if self.get(self.RCC) >> 24 & 1:
            vin, vout, _ = self.pll()
            self.need(4 * MHZ <= vin <= 16 * MHZ and 64 * MHZ <= vout <= 344 * MHZ, "VCO is outside its range")
        self.need(clock <= (80 if self.bits(self.PWR, 10, 9) == 1 else 26) * MHZ, "voltage range is too low")


class Stm32H7(Stm32Pins):
    RCC, PWR, ACR, GPIOA = 0x58024400, 0x58024800, 0x52002000, 0x58020000
    GENERATION = 2
    RESET = {
        RCC: 0x01,
        ACR: 0x37,
        PWR + 0x0C: 0x06,
        PWR + 0x18: 0x4000,
        RCC + 0x28: 0x02020200,
        RCC + 0x2C: 0x01FF0000,
        RCC + 0x30: 0x01010280,
    }
    WAIT = (70, 140, 210, 225)  # of the AXI clock at VOS1

    def status(self, a: int) -> int:
        v = self.get(a)
        if a == self.RCC:
            v = follow(v, 0, 2, "hsi" not in self.dead)
            v = follow(v, 16, 17, "hse" not in self.dead and bool(v >> 18 & 1) == self.bypass)
            return follow(v, 24, 25, "pll" not in self.dead)
        if a == self.RCC + 0x10:
            return v & ~0x38 | self.running() << 3
        if a == self.PWR + 0x04:
            return 1 << 13
        if a == self.PWR + 0x18:
            return v & ~0x2000 | (0 if "regulator" in self.dead else 0x2000)
        if a == self.ACR and "flash" in self.dead:
            return 0
        return v | 0xC0 if a == self.usart_status() else v

    def running(self) -> int:
        """SWS: 0 HSI, 1 CSI, 2 HSE, 3 PLL1."""
        wanted = self.get(self.RCC + 0x10) & 7
        return 0 if "switch" in self.dead and wanted == 3 else wanted

    def clocked(self, a: int) -> bool:
        if self.GPIOA <= a < self.GPIOA + 0x2C00:
            return bool(self.get(self.RCC + 0xE0) >> (a - self.GPIOA) // 0x400 & 1)
        return a & ~0x3FF != 0x40004800 or bool(self.get(self.RCC + 0xE8) >> 18 & 1)

    def masked(self, a: int, v: int) -> int:
        old = self.get(a)
        self.need(a != self.RCC or not ((old ^ v) >> 18 & 1 and old >> 16 & 1), "HSEBYP is written while HSE is on")
        return v

    def pll(self) -> tuple[float, float, float]:
        source = {0: 64 * MHZ, 1: 4 * MHZ, 2: self.hse}.get(self.bits(self.RCC + 0x28, 1, 0), 0)
        vin = source / max(1, self.bits(self.RCC + 0x28, 9, 4))
        vout = vin * (self.bits(self.RCC + 0x30, 8, 0) + 1)
        return vin, vout, vout / (self.bits(self.RCC + 0x30, 15, 9) + 1) if self.bits(self.RCC + 0x2C, 16, 16) else 0

    def clock(self) -> float:
        core = self.bits(self.RCC + 0x18, 11, 8)
        return (64 * MHZ, 4 * MHZ, self.hse, self.pll()[2])[self.running()] / (1 if core < 8 else 2 << core - 8)

    def ahb(self) -> float:
        f = self.bits(self.RCC + 0x18, 3, 0)
        return self.clock() / (1 if f < 8 else 2 << f - 8)

    def usart_clock(self) -> float:
        return self.ahb() / prescaler(self.bits(self.RCC + 0x1C, 6, 4))

    def check(self) -> None:
        clock, ahb, rcc = self.clock(), self.ahb(), self.RCC
        buses = [ahb / prescaler(self.bits(rcc + k, h, h - 2)) for k, h in ((0x18, 6), (0x1C, 6), (0x1C, 10), (0x20, 6))]
        self.need(clock <= 400 * MHZ and ahb <= 200 * MHZ and max(buses) <= 100 * MHZ, "a clock is above its limit")
        states = self.bits(self.ACR, 3, 0)
        self.need(states > 3 or ahb <= self.WAIT[states] * MHZ, f"{states} wait states at {ahb / MHZ} MHz")
        if self.running() == 3:
            self.need(self.bits(self.PWR + 0x18, 15, 14) == 3 and self.status(self.PWR + 0x18) >> 13 & 1 == 1, "not in voltage scale 1")
        if self.get(rcc) >> 24 & 1:
            vin, vout, _ = self.pll()
            wide, low = self.bits(rcc + 0x2C, 1, 1) == 0, (1, 2, 4, 8)[self.bits(rcc + 0x2C, 3, 2)]
            self.need(low * MHZ <= vin <= 2 * low * MHZ and wide and 192 * MHZ <= vout <= 836 * MHZ, "VCO is outside its range")
