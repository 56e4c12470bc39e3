"""Clock trees of microcontrollers as their reference manuals describe them: an independent witness of what a board's port programs.

A Soc is a register file that answers as the chip would (ready bits follow enables, an unclocked peripheral ignores writes), knows the
frequencies that follow from the registers, and notes every state that the manual forbids. `dead` names what never becomes ready.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

MHZ = 1_000_000


@dataclass(frozen=True)
class Pin:
    """tx or rx: port letter, number, alternate function (0 where the chip selects none)."""

    port: str
    number: int
    function: int = 0

    @property
    def index(self) -> int:
        return ord(self.port) - ord("A")


@dataclass
class Soc(ABC):
    """hse: Hz of what is connected; bypass: it is a clock, not a crystal."""

    hse: int
    usart: int  # base address
    tx: Pin
    rx: Pin
    bypass: bool = False
    dead: frozenset[str] = frozenset()
    regs: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    reads: int = 0
    RESET = {}

    def __post_init__(self) -> None:
        self.regs = {**self.RESET, **self.regs}

    def get(self, address: int) -> int:
        return self.regs.get(address, 0)

    def bits(self, address: int, high: int, low: int) -> int:
        return self.get(address) >> low & ((1 << (high - low + 1)) - 1)

    def read(self, address: int) -> int:
        self.reads += 1
        if address == 0xE0001004:  # DWT CYCCNT
            return self.reads if self.get(0xE0001000) & 1 and "dwt" not in self.dead else 0
        if address == 0xE000ED80:
            return 0xF003E019  # CCSIDR of a 4 KiB data cache
        return self.status(address)

    def write(self, address: int, value: int) -> None:
        if self.clocked(address):
            self.regs[address] = self.masked(address, value)
            self.check()

    def need(self, truth: bool, what: str) -> None:
        if not truth and what not in self.faults:
            self.faults.append(what)

    # what a chip defines
    def status(self, address: int) -> int:
        return self.get(address)

    def clocked(self, address: int) -> bool:
        return True

    def masked(self, address: int, value: int) -> int:
        return value

    @abstractmethod
    def check(self) -> None:
        """Notes, through `need`, what the manual forbids of the present state."""

    @abstractmethod
    def clock(self) -> float:
        """Hz of the core."""

    @abstractmethod
    def bit_rate(self) -> float:
        """Of the console, in baud; 0 where its divisor is not set."""

    @abstractmethod
    def console_faults(self) -> list[str]:
        """What keeps the console from its pins."""


def follow(value: int, enable: int, ready: int, alive: bool) -> int:
    """`value` with bit `ready` set where bit `enable` is and the thing is alive."""
    return value | 1 << ready if value >> enable & 1 and alive else value & ~(1 << ready)


def prescaler(field_: int) -> int:
    """AHB and APB divisors of one bit and an exponent, 3 bits wide: 0xx 1, 100 2, 101 4, 110 8, 111 16."""
    return 2 << (field_ & 3) if field_ & 4 else 1


class Stm32Pins(Soc):
    """GPIO of every STM32 but the F1; USART of both generations."""

    GPIOA = 0x40020000
    GENERATION = 1

    def console_faults(self) -> list[str]:
        out = []
        for pin in (self.tx, self.rx):
            base = self.GPIOA + 0x400 * pin.index
            mode = self.bits(base, 2 * pin.number + 1, 2 * pin.number)
            function = self.bits(base + 0x20 + 4 * (pin.number // 8), 4 * (pin.number % 8) + 3, 4 * (pin.number % 8))
            if (mode, function) != (2, pin.function):
                out.append(f"P{pin.port}{pin.number} is in mode {mode}, function {function}")
        enable = self.get(self.usart + (0x0C if self.GENERATION == 1 else 0))
        wanted = (1 << 13 if self.GENERATION == 1 else 1) | 1 << 3 | 1 << 2
        return out if enable & wanted == wanted else [*out, f"USART control is {enable:#x}"]

    def usart_status(self) -> int:
        return self.usart + (0x00 if self.GENERATION == 1 else 0x1C)

    def bit_rate(self) -> float:
        divisor = self.get(self.usart + (0x08 if self.GENERATION == 1 else 0x0C))
        return self.usart_clock() / divisor if divisor else 0

    @abstractmethod
    def usart_clock(self) -> float:
        """Hz that the console's divisor divides."""


class Stm32F4(Stm32Pins):
    """F4 and F7. Limits in MHz; wait: the highest clock of each number of wait states at 2.7 to 3.6 V."""

    RCC, PWR, ACR = 0x40023800, 0x40007000, 0x40023C00
    RESET = {RCC: 0x83, RCC + 4: 0x24003010, PWR: 0x4000}
    MAX, APB1, APB2, VCO = 168, 42, 84, (100, 432)
    WAIT = (30, 60, 90, 120, 150, 168)
    LIMITS = ((1, 168),)  # VOS field that holds, highest clock
    VOS_BITS = (14, 14)
    OVERDRIVE_ABOVE = 1e9
    LATENCY_BITS = 3
    NEEDS_R = False

    def status(self, a: int) -> int:
        v = self.get(a)
        if a == self.RCC:
            v = follow(v, 0, 1, "hsi" not in self.dead)
            v = follow(v, 16, 17, "hse" not in self.dead and self.hse > 0 and bool(v >> 18 & 1) == self.bypass)
            return follow(v, 24, 25, "pll" not in self.dead)
        if a == self.RCC + 8:
            return v & ~12 | self.running() << 2
        if a == self.PWR + 4:
            cr, on = self.get(self.PWR), self.get(self.RCC) >> 24 & 1
            od = cr >> 16 & 1 and "overdrive" not in self.dead
            ready = on and "regulator" not in self.dead
            return (od and 1 << 16) | (od and cr >> 17 & 1 and 1 << 17) | (ready and 1 << 14)
        if a == self.ACR and "flash" in self.dead:
            return 0
        if a == self.usart_status():
            return v | 0x80
        return v

    def running(self) -> int:
        """SWS: 0 HSI, 1 HSE, 2 PLL."""
        wanted = self.get(self.RCC + 8) & 3
        return 0 if "switch" in self.dead and wanted == 2 else wanted

    def clocked(self, a: int) -> bool:
        ahb1, apb1, apb2 = (self.get(self.RCC + k) for k in (0x30, 0x40, 0x44))
        if self.GPIOA <= a < self.GPIOA + 0x2400:
            return bool(ahb1 >> (a - self.GPIOA) // 0x400 & 1)
        if a & ~7 == self.PWR:
            return bool(apb1 >> 28 & 1)
        gates = {0x40011000: apb2 >> 4, 0x40004400: apb1 >> 17, 0x40004800: apb1 >> 18, 0x40000000: apb1}
        return bool(gates.get(a & ~0x3FF, 1) & 1)

    def masked(self, a: int, v: int) -> int:
        old = self.get(a)
        if a == self.RCC and (old ^ v) >> 18 & 1 and old >> 16 & 1:
            self.need(False, "HSEBYP is written while HSE is on")
        if a == self.RCC + 4:
            self.need(not old or not self.get(self.RCC) >> 24 & 1, "PLLCFGR is written while the PLL is on")
        return v

    def pll(self) -> tuple[float, float, float]:
        """Input and output of the VCO, and the PLL's output, in Hz."""
        c = self.RCC + 4
        source = self.hse if self.bits(c, 22, 22) else 16 * MHZ
        vin = source / max(1, self.bits(c, 5, 0))
        return vin, vin * self.bits(c, 14, 6), vin * self.bits(c, 14, 6) / (2 * self.bits(c, 17, 16) + 2)

    def clock(self) -> float:
        return (16 * MHZ, self.hse, self.pll()[2])[self.running()]

    def buses(self) -> tuple[float, float]:
        c = self.RCC + 8
        return self.clock() / prescaler(self.bits(c, 12, 10)), self.clock() / prescaler(self.bits(c, 15, 13))

    def usart_clock(self) -> float:
        return self.buses()[self.usart >= 0x40010000]

    def check(self) -> None:
        clock, (apb1, apb2) = self.clock(), self.buses()
        self.need(self.bits(self.RCC + 8, 7, 4) == 0, "AHB is divided")
        self.need(clock <= self.MAX * MHZ and apb1 <= self.APB1 * MHZ and apb2 <= self.APB2 * MHZ, "a clock is above its limit")
        states = self.bits(self.ACR, self.LATENCY_BITS - 1, 0)
        self.need(states < len(self.WAIT) and clock <= self.WAIT[states] * MHZ, f"{states} wait states at {clock / MHZ} MHz")
        if self.get(self.RCC) >> 24 & 1:
            vin, vout, _ = self.pll()
            self.need(MHZ <= vin <= 2 * MHZ, "VCO input is outside 1 to 2 MHz")
            self.need(self.VCO[0] * MHZ <= vout <= self.VCO[1] * MHZ, "VCO output is outside its range")
            q, r = self.bits(self.RCC + 4, 27, 24), self.bits(self.RCC + 4, 30, 28)
            self.need(q >= 2 and vout / q <= 48 * MHZ and (r >= 2 or not self.NEEDS_R), "Q or R is outside its range")
        if self.running() == 2:
            vos = self.bits(self.PWR, *self.VOS_BITS)
            limit = next((hz for v, hz in self.LIMITS if v == vos), 0)
            self.need(clock <= limit * MHZ, f"voltage scale {vos} at {clock / MHZ} MHz")
            self.need(clock <= self.OVERDRIVE_ABOVE * MHZ or self.status(self.PWR + 4) >> 16 & 3 == 3, "no over-drive")


class Stm32F411(Stm32F4):
    RESET = {**Stm32F4.RESET, Stm32F4.PWR: 0x8000}
    MAX, APB1, APB2 = 100, 50, 100
    WAIT = (30, 64, 90, 100)
    LIMITS = ((3, 100), (2, 84), (1, 64))
    VOS_BITS = (15, 14)


class Stm32F446(Stm32F4):
    RESET = {**Stm32F4.RESET, Stm32F4.PWR: 0xC000}
    MAX, APB1, APB2 = 180, 45, 90
    WAIT = (30, 60, 90, 120, 150, 180)
    LIMITS = ((3, 180), (2, 168), (1, 120))
    VOS_BITS, OVERDRIVE_ABOVE, LATENCY_BITS, NEEDS_R = (15, 14), 168, 4, True


class Stm32F7(Stm32F4):
    RESET = {**Stm32F4.RESET, Stm32F4.PWR: 0xC000}
    GENERATION = 2
    MAX, APB1, APB2 = 216, 54, 108
    WAIT = (30, 60, 90, 120, 150, 180, 210, 216)
    LIMITS = ((3, 216), (2, 180), (1, 144))
    VOS_BITS, OVERDRIVE_ABOVE, LATENCY_BITS = (15, 14), 180, 4
