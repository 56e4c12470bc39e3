"""Integer requantisation that equals a double-precision product rounded once, for every accumulator that can occur.

LiteRT's FULLY_CONNECTED computes ``round(acc * real)`` in double, halves away from zero, with
real = input_scale * weight_scale / output_scale in double. A 31-bit multiplier approximates `real`, so near a tie it may
round to the other side. But an int8 output has at most 255 thresholds, and a layer's accumulator a known range: here a
multiplier is chosen that agrees at every threshold, hence everywhere, since both functions are monotone. The nominal
multiplier (LiteRT's QuantizeMultiplier) nearly always does; else the whole interval of multipliers that do is computed
with exact integers.
"""

from __future__ import annotations

import numpy as np

from tinyml.numerics import quantize_multiplier, requant_once

CHUNK = 4096  # channels looked at together: 255 thresholds each, as int64


def round_half_away(x: np.ndarray) -> np.ndarray:
    """C's round() on float64."""
    whole = np.trunc(x)
    return whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0.0)


def thresholds(real: np.ndarray, levels: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """int64 [M,L]: per channel and level the least accumulator in [lo, hi + 1] from which round(acc * real) reaches the
    level; hi + 1 where none does. real float64 [M] > 0; levels int64 [L], |level| < 2^9; lo, hi [M] within int32."""
    guess = np.floor(np.clip((levels - 0.5) / real[:, None], lo[:, None] - 4.0, hi[:, None] + 4.0)).astype(np.int64)
    first = np.broadcast_to(hi[:, None] + 1, guess.shape).copy()
    for step in range(4, -4, -1):  # the least candidate that reaches the level is kept
        reached = round_half_away((guess + step).astype(np.float64) * real[:, None]) >= levels
        first = np.where(reached, guess + step, first)
    return np.clip(first, lo[:, None], hi[:, None] + 1)


def _agree(mult: np.ndarray, shift: np.ndarray, levels: np.ndarray, first: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """bool [M]: requant_once(acc) reaches each level exactly from `first` on, within [lo, hi]."""
    mult, shift = mult[:, None], shift[:, None]
    at = (first > hi[:, None]) | (requant_once(first, mult, shift) >= levels)
    below = (first <= lo[:, None]) | (requant_once(first - 1, mult, shift) < levels)
    return (at & below).all(1)


def _interval(shift: int, levels: np.ndarray, first: np.ndarray, lo: int, hi: int) -> tuple[int, int]:
    """Least and greatest multiplier that agree at all thresholds (least > greatest: none)."""
    least, greatest = 1 << 30, (1 << 31) - 1
    for level, t in zip(levels.tolist(), first.tolist(), strict=True):
        bound = (2 * level - 1) << (30 - shift)  # acc * mult >= bound <=> the level is reached
        if t <= hi:  # t * mult >= bound
            if t > 0:
                least = max(least, -(-bound // t))
            elif t < 0:
                greatest = min(greatest, bound // t)
            elif bound > 0:
                return 1, 0
        if t > lo:  # (t - 1) * mult < bound
            if t > 1:
                greatest = min(greatest, -(-bound // (t - 1)) - 1)
            elif t < 1:
                least = max(least, bound // (t - 1) + 1)
            elif bound <= 0:
                return 1, 0
    return least, greatest


def exact_multipliers(real: np.ndarray, levels: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(mult int32 [M], shift int8 [M]) for requant_once such that clamping its result to [levels[0] - 1, levels[-1]]
    equals clamping round(acc * real) for every acc in [lo, hi], per channel. None where no 31-bit multiplier does, or a
    result would leave int32. Shapes as in `thresholds`."""
    if not (real > 0).all() or (np.maximum(np.abs(lo), np.abs(hi)) * real >= float(1 << 30)).any():
        return None
    pairs = np.array([quantize_multiplier(r) for r in real.tolist()], np.int64).reshape(-1, 2)
    mult, shift = pairs[:, 0].copy(), pairs[:, 1]
    for at in range(0, len(real), CHUNK):
        part = slice(at, at + CHUNK)
        first = thresholds(real[part], levels, lo[part], hi[part])
        for k in np.flatnonzero(~_agree(mult[part], shift[part], levels, first, lo[part], hi[part])):
            c = at + int(k)
            least, greatest = _interval(int(shift[c]), levels, first[k], int(lo[c]), int(hi[c]))
            if mult[c] == 0 or least > greatest:
                return None
            mult[c] = min(max(int(mult[c]), least), greatest)
    return mult.astype(np.int32), shift.astype(np.int8)
