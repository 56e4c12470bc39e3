"""One sign's form of _requant with the same shift in every channel of every layer, which then is part of an instruction: a sum
becomes an output in two of them.

A multiplier is real = mult * 2^-(31+e), and the sum arrives multiplied by 2^scale. With scale = SHIFT + 1 - e, that is all there is
to it. Where a kernel has no choice of scale, the multiplier loses e - (SHIFT + 1 - scale) bits, and is rounded to nearest. That this still
equals LiteRT's two roundings is looked up at every threshold that the accumulator can reach. Where it does not, an addend is searched, with
it a multiplier beside the nearest, and an offset of the accumulator: offset * multiplier is a fraction that the addend can not have.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinyml.ops.variants import _requant
from tinyml.ops.variants._requant import Constants

# TM_FIXED_SHIFT. With 13 more layers of few inputs, whose multipliers are great, have no constants: channels in `high` need 2^-8 at most. With
# 11 more layers of many inputs have none.
SHIFT = 12
HIGH = 8  # the scale of sums that are a product's high part, and of weights of 16 bits
MOST = 30  # scale
NEAR, OFFSETS = 4, 128  # searched: multipliers on both sides, and offsets
REMEMBERED = 1024  # constants are asked for dozens of times


def high(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """For outputs clamped at -128 whose zero point is -128; the sum arrives multiplied by 256. mult, shift as LiteRT has them,
    lo and hi the accumulator's range. None where some channel has no exact constants."""
    return _constants(np.full(len(mult), HIGH), mult, shift, zero_point, lo, hi)


def low(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """The same where the sum is shifted left by the constants' own `shift`."""
    return _constants(low_scale(shift), mult, shift, zero_point, lo, hi)


def low_scale(shift: np.ndarray) -> np.ndarray:
    return np.clip(SHIFT + 1 + shift.astype(np.int64), 0, MOST)


def nearest(mult: np.ndarray, shift: np.ndarray, zero_point: int, scale: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [C] each: the multiplier with the bits that are left of it, and its addend."""
    e, lost = -shift.astype(np.int64), _lost(shift, scale)
    m = mult.astype(np.int64) + (np.int64(1) << lost >> 1) >> lost
    half = np.int64(1) << SHIFT - 1
    return m, (np.int64(zero_point) << SHIFT) + np.where(e > 0, half, 0) + (half >> np.clip(e, 0, 31))


def _lost(shift: np.ndarray, scale: np.ndarray | int) -> np.ndarray:
    return np.clip(scale - (SHIFT + 1) - shift.astype(np.int64), 0, 31)


def _constants(
    scale: np.ndarray, mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray
) -> Constants | None:
    if zero_point != -128:
        return None
    return _remembered(*(np.asarray(v, np.int64).tobytes() for v in (scale, mult, shift, lo, hi)))


@lru_cache(maxsize=REMEMBERED)
def _remembered(*channels: bytes) -> Constants | None:
    scale, mult, shift, lo, hi = (np.frombuffer(v, np.int64) for v in channels)
    exact = _requant._twice(mult, shift, -128)
    value, constant = _requant._constant(lo, hi, exact)
    fits = (shift <= 0) & (scale - shift > SHIFT) & (np.maximum(-lo, hi) + OFFSETS < np.int64(1) << 31 - scale)
    if not (constant | fits).all():
        return None
    m, add = nearest(mult, shift, -128, scale)
    m, add, scale = np.where(constant, 0, m), np.where(constant, value << SHIFT, add), np.where(constant, HIGH, scale)
    offset = np.zeros_like(m)
    # exact where no bit is lost and one below LiteRT's first rounding is kept
    left = np.flatnonzero(~constant & ((_lost(shift, scale) > 0) | (shift <= -SHIFT)))
    left = left[~_agrees(*(v[left] for v in (scale, m, add, mult, shift, lo, hi)))]
    for c in left.tolist():
        found = _searched(int(m[c]), _requant.steps(int(lo[c]), int(hi[c]), lambda acc, c=c: exact(acc, c)), int(scale[c]))
        if found is None:
            return None
        m[c], add[c], offset[c] = found
    return Constants(*(v.astype(np.int32) for v in (m, add, scale, offset)))


def _searched(mult: int, known: _requant.Steps, scale: int) -> tuple[int, int, int] | None:
    """Multiplier, addend and offset."""
    for offset in sorted(range(-OFFSETS, OFFSETS + 1), key=abs):
        moved = _requant.Steps(known.start + offset, known.end + offset, known.value)
        for near in sorted(range(-NEAR, NEAR + 1), key=abs):
            add = _requant.addend(mult + near, moved, SHIFT, scale)
            if add is not None:
                return mult + near, add, offset
    return None


def _agrees(
    scale: np.ndarray, m: np.ndarray, add: np.ndarray, mult: np.ndarray, shift: np.ndarray, lo: np.ndarray, hi: np.ndarray
) -> np.ndarray:
    """bool [C]: whether m and add give what LiteRT's roundings give, for every accumulator from lo to hi. Both ascend, so
    it is enough that they agree at accumulators between which LiteRT's output stays the same."""
    real = mult * 2.0 ** (shift - 31)
    near = np.floor((np.arange(1, 256) - 0.5) / real[:, None]).astype(np.int64)  # where each output but the least begins, or one beside it
    at = np.sort(np.concatenate([near - 1, near, near + 1, lo[:, None], hi[:, None]], 1).clip(lo[:, None], hi[:, None]), 1)
    expected = _requant._twice(mult[:, None], shift[:, None], -128)(at, np.arange(len(m)))
    ours = add[:, None] + ((at << scale[:, None]) * m[:, None] >> 32) >> SHIFT
    known = (np.diff(at) <= 1) | (np.diff(expected) == 0)
    return (ours.clip(-128, 127) == expected).all(1) & known.all(1)
