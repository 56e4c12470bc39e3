"""Requantisation with a shift of 16 in every channel, for sums of inputs and weights that carry each channel's power of two.

y = sat8(((add + floor(S * acc * mult / 2^32)) >> 16) - 128), for outputs clamped at -128 whose zero point is -128. With
real = mult * 2^(-31-e) and S = 2^(17-e), 16 - e bits stay below LiteRT's first rounding, so that both of its roundings
become additions of halves: exact, as in _requant's one sign. Greater shifts keep S = 2^8 and a multiplier of fewer bits,
for which an addend is searched, and where there is none, a multiplier beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ops.variants import _requant

SHIFT, LEAST = 16, 8  # LEAST: S is 2^8 at least
NEAR = 16  # multipliers tried on both sides
MOST = SHIFT + 1 - LEAST  # greatest e whose multiplier stays whole


@dataclass(frozen=True, eq=False)
class Sixteen:
    """int64 [C] each. S = 2^(8 + scale). offset: what is added to the bias. plain: add and mult are what e alone says."""

    scale: np.ndarray
    mult: np.ndarray
    add: np.ndarray
    offset: np.ndarray
    plain: bool


def sixteen(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Sixteen | None:
    """mult, shift as LiteRT has them; lo and hi the accumulator's range. None where some channel has no exact constants."""
    if zero_point != -128:
        return None
    e = -shift.astype(np.int64)
    exact = _requant._twice(mult, shift, zero_point)
    value, constant = _requant._constant(lo, hi, exact)
    scale = np.where(constant, 0, np.clip(MOST - e, 0, LEAST))
    limit = np.int64(1) << 31 - LEAST - scale
    # sums of one sign that are too great are moved towards 0
    offset = np.where(constant | (np.maximum(-lo, hi) < limit), 0, -(lo + hi) // 2)
    if not (constant | (e >= 1) & (np.maximum(-lo - offset, hi + offset) < limit)).all():
        return None
    m = np.where(constant, 0, mult.astype(np.int64) >> np.clip(e - MOST, 0, 31))
    add = (np.int64(1) << SHIFT - 1) + (np.int64(1) << np.clip(SHIFT - 1 - e, 0, SHIFT))
    add = np.where(constant, value - zero_point << SHIFT, add)
    odd = ~constant & ((e > MOST) | (offset != 0))
    for c in np.flatnonzero(odd).tolist():
        known = _requant.steps(int(lo[c]), int(hi[c]), lambda acc, c=c: exact(acc, c))
        moved = _requant.Steps(known.start + offset[c], known.end + offset[c], known.value)
        found = _searched(int(m[c]), moved, LEAST + int(scale[c]))
        if found is None:
            return None
        m[c], add[c] = found[0], found[1] - (zero_point << SHIFT)
        if ((int(moved.end[-1]) << LEAST + int(scale[c])) * found[0] >> 32) + int(add[c]) >= 1 << 31:
            return None
    return Sixteen(scale, m, add, offset, not (odd | constant).any())


def _searched(mult: int, known: _requant.Steps, scale: int) -> tuple[int, int] | None:
    """`mult`, or where it has lost bits one near it, and its addend."""
    for by in sorted(range(-NEAR, NEAR + 1), key=abs):
        found = _requant.addend(mult + by, known, SHIFT, scale)
        if found is not None:
            return mult + by, found
    return None
