"""What the reductions over rows share (tm/sum_rows.h)."""

from __future__ import annotations

from tinyml.ir import hwc

SHORT_SUM = 255  # TM_SHORT_SUM


def accumulator_bytes(shape: tuple[int, ...]) -> int:
    """Of the sums over all pixels of an int8 tensor of this shape, one per channel."""
    h, w, c = hwc(shape)
    return (2 if h * w <= SHORT_SUM else 4) * c
