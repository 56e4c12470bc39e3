"""The STM32F746G-DISCO with its memory chips: what QUADSPI, FMC and MPU are told, held against the manuals (RM0385 13.7 and 14; the data
sheets of N25Q128A and MT48LC4M32B2, grade -6; DDI 0403E B3.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from socs import MHZ, Stm32F7

QSPI, FMC = 0xA0001000, 0xA0000140
QSPI_PINS = {"B2": 9, "B6": 10, "D11": 9, "D12": 9, "D13": 9, "E2": 9}
SDRAM_PINS = {
    f"{port}{n}": 12
    for port, numbers in {
        "C": (3,), "D": (0, 1, 8, 9, 10, 14, 15), "E": (0, 1, *range(7, 16)), "F": (*range(6), *range(11, 16)), "G": (0, 1, 4, 5, 8, 15), "H": (3, 5),
    }.items()
    for n in numbers
}  # fmt: skip


@dataclass
class Disco(Stm32F7):
    """dead: also "qspi" (the chip never answers) and "sdram" (the controller stays busy)."""

    commands: list[int] = field(default_factory=list)  # instructions that the serial flash was sent
    sdram: list[tuple[int, int, int]] = field(default_factory=list)  # commands, auto-refreshes, modes
    regions: dict[int, tuple[int, int]] = field(default_factory=dict)
    memory_mapped_at: int = 0  # number of writes until then

    def clocked(self, a: int) -> bool:
        ahb3 = self.get(self.RCC + 0x38)
        if QSPI <= a < QSPI + 0x100:
            return bool(ahb3 >> 1 & 1)
        if FMC <= a < FMC + 0x20:
            return bool(ahb3 & 1)
        return super().clocked(a)

    def status(self, a: int) -> int:
        mode = self.bits(QSPI + 0x14, 27, 26)
        if a == QSPI + 8:
            alive = "qspi" not in self.dead and self.get(QSPI) & 1
            if mode == 3:
                return 1 << 5  # busy for as long as it is memory
            return (alive and mode == 0 and 1 << 1) | (alive and mode == 2 and 1 << 3) | (mode == 2 and not alive and not self.get(QSPI) & 2 and 1 << 5)
        if a == FMC + 0x18:
            return 1 << 5 if "sdram" in self.dead else 0
        return super().status(a)

    def masked(self, a: int, v: int) -> int:
        v = super().masked(a, v)
        if a == self.RCC + 0x18 and v >> 1 & 1:
            for k in range(QSPI, QSPI + 0x40, 4):
                self.regs.pop(k, None)
        if a in (QSPI, QSPI + 4) and self.bits(QSPI + 0x14, 27, 26) == 3:
            self.need(False, "QUADSPI is set up while it is memory")
        if a == QSPI + 0x14:
            self.commands.append(v & 0xFF)
            self.need(bool(self.get(QSPI) & 1), "a command while QUADSPI is off")
        if a == FMC + 0x10:
            self.need(v >> 4 & 1 == 1 and v >> 3 & 1 == 0, "a command to another SDRAM")
            self.sdram.append((v & 7, (v >> 5 & 15) + 1, v >> 9 & 0x1FFF))
        if a == 0xE000EDA0:
            self.regions[self.get(0xE000ED98)] = (self.get(0xE000ED9C), v)
        return v

    def pin_faults(self, pins: dict[str, int]) -> list[str]:
        out = []
        for name, function in pins.items():
            base, n = self.GPIOA + 0x400 * (ord(name[0]) - ord("A")), int(name[1:])
            found = self.bits(base, 2 * n + 1, 2 * n), self.bits(base + 0x20 + 4 * (n // 8), 4 * (n % 8) + 3, 4 * (n % 8)), self.bits(base + 8, 2 * n + 1, 2 * n)
            if found != (2, function, 3):
                out.append(f"P{name}: mode, function, speed {found}")
        return out

    def qspi_faults(self) -> list[str]:
        """Of the state that it is left in: quad I/O reads as memory, within the chip's limits."""
        cr, dcr, ccr = (self.get(QSPI + k) for k in (0, 4, 0x14))
        hz = self.clock() / ((cr >> 24) + 1)
        wanted = {
            "clock": hz <= 108 * MHZ, "on": cr & 1 == 1, "one chip": cr >> 6 & 3 == 0, "size": (dcr >> 16 & 31) + 1 == 24,
            "select high": ((dcr >> 8 & 7) + 1) / hz >= 50e-9, "mode 0": dcr & 1 == 0, "mapped": ccr >> 26 & 3 == 3, "4 data lines": ccr >> 24 & 3 == 3,
            "10 dummies": ccr >> 18 & 31 == 10, "24-bit address": ccr >> 12 & 3 == 2, "on 4 lines": ccr >> 10 & 3 == 3,
            "instruction on one line": ccr >> 8 & 3 == 1, "quad I/O read": ccr & 0xFF == 0xEB, "no alternate bytes": ccr >> 14 & 3 == 0,
            "single rate": ccr >> 31 == 0 and ccr >> 28 & 1 == 0,
        }  # fmt: skip
        return [k for k, true in wanted.items() if not true]

    def sdram_faults(self) -> list[str]:
        cr, tr, refresh = self.get(FMC), self.get(FMC + 8), self.get(FMC + 0x14) >> 1 & 0x1FFF
        divisor = {2: 2, 3: 3}.get(cr >> 10 & 3, 0)
        if not divisor:
            return ["no clock"]
        ns = 1e9 * divisor / self.clock()
        clocks = {n: (tr >> at & 15) + 1 for n, at in {"mrd": 0, "xsr": 4, "ras": 8, "rc": 12, "wr": 16, "rp": 20, "rcd": 24}.items()}
        least = {"mrd": 2, "xsr": 70 / ns, "ras": 42 / ns, "rc": 60 / ns, "wr": 2, "rp": 18 / ns, "rcd": 18 / ns}
        out = [f"t{n} of {clocks[n]} clocks" for n in clocks if clocks[n] < math.ceil(round(least[n], 6))]
        cas = cr >> 7 & 3
        rows = 64e6 / 4096 / ns  # clocks between two refreshes
        wanted = {
            "8 columns": cr & 3 == 0, "12 rows": cr >> 2 & 3 == 1, "16 bits": cr >> 4 & 3 == 1, "4 banks": cr >> 6 & 1 == 1, "may be written": cr >> 9 & 1 == 0,
            "CAS": cas == 3 or (cas == 2 and ns >= 10), "refresh": 41 <= refresh <= rows - 20 + 0.5 and refresh > 0.8 * rows - 20,
            "write recovery": clocks["wr"] >= clocks["ras"] - clocks["rcd"] and clocks["wr"] >= clocks["rc"] - clocks["rcd"] - clocks["rp"],
            "order": [c for c, _, _ in self.sdram] == [1, 2, 3, 4] and self.sdram[2][1] >= 2,
            "mode": bool(self.sdram) and self.sdram[-1][2] & 0x1FF == cas << 4 and self.sdram[-1][2] >> 9 & 1 == 1,
        }  # fmt: skip
        return out + [k for k, true in wanted.items() if not true]

    def attributes(self, address: int) -> tuple[int, int, int] | None:
        """(access permission, TEX C B, execute never) of the region that counts there; None where the default map does."""
        if not self.get(0xE000ED94) & 1:
            return None
        for _, (base, rasr) in sorted(self.regions.items(), reverse=True):
            size = 2 << (rasr >> 1 & 31)
            if rasr & 1 and base <= address < base + size:
                return rasr >> 24 & 7, (rasr >> 19 & 7) << 2 | rasr >> 16 & 3, rasr >> 28 & 1
        return None
