"""Functions of an int8 value that are a clamped line: y = clamp((x * mult + add) >> shift, lo, hi), found for a table of all its values.

LiteRT rounds once or twice on the way from the input to the output. Where a multiplier of some bits more or less gives the same 256
results, which is tried for all of them, these five numbers stand for the table (tm/line.h).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MOST_SHIFT = 22  # 127 << 22 and the product of 128 with a multiplier for a slope of 1 stay in int32
VALUES = np.arange(-128, 128, dtype=np.int64)


@dataclass(frozen=True)
class Line:
    """y = clamp((x * mult + add) >> shift, lo, hi)."""

    mult: int
    add: int
    shift: int
    lo: int
    hi: int


def line_of(ascending: np.ndarray) -> Line | None:
    """The line with the smallest shift that has these int8 results for -128..127, or None."""
    return _line(tuple(int(v) for v in ascending))


@lru_cache(maxsize=256)
def _line(table: tuple[int, ...]) -> Line | None:
    y = np.array(table, np.int64)
    lo, hi = int(y.min()), int(y.max())
    if lo == hi:
        return Line(0, lo, 0, lo, hi)
    for shift in range(MOST_SHIFT + 1):
        mult = _steepness(y, shift)
        least, most = _addends(y, mult, shift)
        reach = np.abs(VALUES * mult + least).max()
        if least <= most and reach < 1 << 31:
            return Line(mult, least, shift, lo, hi)
    return None


def _addends(y: np.ndarray, mult: int, shift: int) -> tuple[int, int]:
    """Least and greatest `add` that keep all results, the first above the second where there is none. What lies below the lowest
    result is clamped up to it, what lies above the highest down."""
    product = VALUES * mult
    low, high = (y << shift) - product, ((y + 1) << shift) - 1 - product
    return int(low[y > y.min()].max()), int(high[y < y.max()].min())


def _steepness(y: np.ndarray, shift: int) -> int:
    """The multiplier that leaves `add` most room. The room is a concave function of it, so a search by thirds finds its top."""

    def room(mult: int) -> int:
        least, most = _addends(y, mult, shift)
        return most - least

    low, high = -256 << shift, 256 << shift
    while high - low > 2:
        left, right = low + (high - low) // 3, high - (high - low) // 3
        if room(left) < room(right):
            low = left + 1
        else:
            high = right
    return max(range(low, high + 1), key=room)
