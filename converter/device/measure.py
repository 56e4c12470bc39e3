"""Measuring a running firmware: inferences counted in whole and step by step."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.device.session import Session
from tinyml.errors import DeviceError

REPEATS = 10  # where counts vary: caches, flash accelerators, other users of the processor


@dataclass(frozen=True)
class Measurement:
    """Counts of one inference. counter: "instructions" (exact), "cycles" of the core, or "ticks" of a timer; hz: the counter's
    rate, 0 for instructions. totals: of each repeat, measured without readings between the steps. steps: the median of each."""

    counter: str
    hz: int
    totals: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def total(self) -> int:
        """The median of the repeats; of an even number the lower one, so that it is a count that was measured."""
        return statistics.median_low(self.totals)

    @property
    def unattributed(self) -> int:
        """What is spent between the steps. Negative where counts vary and the steps happened to take longer than in the whole."""
        return self.total - sum(self.steps)

    def us(self, count: int) -> float | None:
        """Microseconds that `count` takes; None where the counter's rate is not known, and for instructions."""
        return 1e6 * count / self.hz if self.hz else None

    def cycles(self, clock_hz: int) -> int | None:
        """Cycles of the core for the whole inference; None where they do not follow from the counter."""
        if self.counter == "cycles":
            return self.total
        return round(self.total * clock_hz / self.hz) if self.counter == "ticks" and self.hz and clock_hz else None


def measure(session: Session, inputs: Sequence[np.ndarray], repeats: int | None = None) -> Measurement:
    """Runs the network 2 x `repeats` times (default REPEATS, and once where counts are exact), first in whole, then by step.

    Raises DeviceError where the firmware has nothing to count with."""
    counter, hz = session.counter, session.counter_hz
    if counter == "none":
        raise DeviceError(session.link.name, "the firmware has no counter to measure with", "choose a board that has one")
    n = repeats or (1 if counter == "instructions" else REPEATS)
    totals = tuple(session.total(inputs) for _ in range(n))
    runs = [session.steps(inputs) for _ in range(n)]
    return Measurement(counter, hz, totals, tuple(statistics.median_low(column) for column in zip(*runs, strict=True)))
