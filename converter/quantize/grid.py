"""The values that a quantised activation can have, and the grid that loses least of the values it is to hold.

Ranges are chosen by the mean squared error over a histogram, not by the extremes: rare values are clipped where that makes the
step for all others finer (Nagel et al., "A White Paper on Neural Network Quantization", arXiv 2106.08295, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 2048
SHRINK = np.linspace(1.0, 0.02, 99)  # fractions of either end that are tried


@dataclass(frozen=True)
class Grid:
    """real = scale * (q - zero_point), q of `bits` bits with a sign. scale is a float32 value."""

    scale: float
    zero_point: int
    bits: int = 8

    @property
    def limits(self) -> tuple[int, int]:
        return -(1 << self.bits - 1), (1 << self.bits - 1) - 1

    def fake(self, x: np.ndarray) -> np.ndarray:
        """x as this grid holds it, float32. (Ties round to even, where the kernels take halves away from zero: no difference.)"""
        lo, hi = self.limits
        q = np.multiply(x, np.float32(1.0 / self.scale), dtype=np.float32)
        np.rint(q, out=q)
        np.clip(q, lo - self.zero_point, hi - self.zero_point, out=q)
        q *= np.float32(self.scale)
        return q


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of values in BINS equal steps from lo to hi; lo <= 0 <= hi. whole: all values are integers."""

    lo: float
    hi: float
    counts: np.ndarray
    whole: bool = False

    @staticmethod
    def of(x: np.ndarray) -> Histogram:
        lo, hi = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
        if hi - lo < 1e-12:  # a tensor that is always zero
            hi = lo + 1e-6
        flat = x.reshape(-1)[:: max(1, x.size // 4_000_000)]
        whole = bool(np.array_equal(flat, np.rint(flat)))
        return Histogram(lo, hi, np.histogram(flat, BINS, (lo, hi))[0], whole)

    @property
    def centres(self) -> np.ndarray:
        return self.lo + (np.arange(len(self.counts)) + 0.5) * (self.hi - self.lo) / len(self.counts)

    def merged(self, other: Histogram) -> Histogram:
        """Of the values of both; each counts alike, however many values it has."""
        lo, hi = min(self.lo, other.lo), max(self.hi, other.hi)
        total = np.zeros(BINS)
        for h in (self, other):
            share = h.counts / max(h.counts.sum(), 1)
            total += np.histogram(h.centres, BINS, (lo, hi), weights=share)[0]
        return Histogram(lo, hi, total * 1e6, self.whole and other.whole)


def grid_between(lo: float, hi: float, bits: int) -> Grid:
    """The grid from about lo to about hi on which 0 is exact. lo <= 0 <= hi. Of 16 bits it is symmetric: kernels want zero points 0."""
    if bits == 16:
        return Grid(float(np.float32(max(-lo, hi, 1e-9) / 32767)), 0, 16)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    scale = float(np.float32(max((hi - lo) / (high - low), 1e-12)))
    return Grid(scale, int(np.clip(round(low - lo / scale), low, high)), bits)


def exact_grid(h: Histogram) -> Grid | None:
    """Integers from 0 to 255 or -128 to 127, such as pixels, need no rounding: q = x - 128 or q = x."""
    if not h.whole or h.lo < -128 or h.hi > 255 or (h.lo < 0 and h.hi > 127):
        return None
    return Grid(1.0, 0) if h.hi <= 127 and h.lo < 0 else Grid(1.0, -128)


def best_grid(h: Histogram, bits: int) -> Grid:
    """The grid of least mean squared error: both ends are moved in, the one that gains most at a time."""
    if bits == 16:
        return grid_between(h.lo, h.hi, bits)  # nothing is clipped where steps are that fine
    x, weight = h.centres, h.counts / max(h.counts.sum(), 1)

    def loss(lo: float, hi: float) -> float:
        return float(weight @ np.square(x - grid_between(lo, hi, bits).fake(x)))

    best = (loss(h.lo, h.hi), h.lo, h.hi)
    for _ in range(3):  # one end after the other, until neither moves
        before = best
        if h.hi > 0:
            best = min([best, *((loss(best[1], h.hi * f), best[1], h.hi * f) for f in SHRINK)])
        if h.lo < 0:
            best = min([best, *((loss(h.lo * f, best[2]), h.lo * f, best[2]) for f in SHRINK)])
        if best == before:
            break
    return grid_between(best[1], best[2], bits)
