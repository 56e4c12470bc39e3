"""A line between host and firmware that loses, changes, repeats and cuts bytes, or whose device is reset."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tinyml.device.emulate import start_process
from tinyml.device.serial import Link


class Faulty:
    """Wraps a transport. flip, drop: chance per byte; repeat, cut: chance per write or read of the whole to be doubled
    or to lose its tail; reset_after: bytes written after which the device is replaced by a fresh one, over and over."""

    bytes_per_s = 1e6

    def __init__(self, start: Callable[[], Link], seed: int, flip=0.0, drop=0.0, repeat=0.0, cut=0.0, reset_after=0):
        self.rng = random.Random(seed)
        self.start, self.flip, self.drop, self.repeat, self.cut, self.reset_after = start, flip, drop, repeat, cut, reset_after
        self.inner = start().transport
        self.name = self.inner.name
        self.written, self.resets = 0, 0

    def _spoil(self, data: bytes) -> bytes:
        r, out = self.rng, bytearray()
        for byte in data:
            if r.random() < self.drop:
                continue
            out.append(byte ^ 1 << r.randrange(8) if r.random() < self.flip else byte)
        if r.random() < self.cut:
            del out[r.randrange(len(out) + 1) :]
        return bytes(out) * 2 if r.random() < self.repeat else bytes(out)

    def read(self, timeout_s: float) -> bytes:
        return self._spoil(self.inner.read(timeout_s))

    def write(self, data: bytes, timeout_s: float) -> None:
        self.written += len(data)
        if self.reset_after and self.written > self.reset_after:
            self.written, self.resets = 0, self.resets + 1
            self.inner.close()
            self.inner = self.start().transport
        self.inner.write(self._spoil(data), timeout_s)

    def close(self) -> None:
        self.inner.close()


def faulty_link(program: Path, seed: int, **faults) -> tuple[Link, Faulty]:
    line = Faulty(lambda: start_process(program), seed, **faults)
    return Link(line, timeout_s=20.0), line
