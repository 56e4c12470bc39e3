"""Requantisation in a few instructions, with proof that it equals LiteRT's for every accumulator that can occur.

LiteRT rounds twice: to an integer (halves up), then to the output (halves away from zero). With real = mult * 2^(shift-31):

*One sign*: y = sat8((add + floor(256 * acc * mult / 2^32)) >> e'). Keeping 7 more bits than LiteRT's first rounding, both roundings
become additions of halves, exactly, as long as ties of negative results need not go down. They need not where the clamp at
-128 and zero point -128 hide them, nor where nothing is rounded twice.
*Any sign*: t = add + round(2 * acc * mult / 2^32); y = sat8((t - (acc < 0)) >> e): LiteRT's own roundings, the zero point added before
the shift. Exact for 1 <= e <= 22.
*Searched*: outside of those ranges, `add` is found by intersecting what every threshold that the accumulator can reach
asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyml.numerics import requant, requant_once

BITS = 7  # kept below LiteRT's first rounding: the sum arrives multiplied by 256 = 2 * 2^BITS
MOST = 23  # greatest shift: 128 << 23 is in int32


@dataclass(frozen=True, eq=False)
class Constants:
    """int32 [C] each, as the kernels read them."""

    mult: np.ndarray
    add: np.ndarray
    shift: np.ndarray


def bounds(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [C] each: least and greatest bias + sum of q * w over int8 q. weights [C,K]; bias [C] with the zero point folded in."""
    w = weights.astype(np.int64)
    positive = np.maximum(w, 0).sum(1)
    negative = w.sum(1) - positive
    b = bias.astype(np.int64)
    return b - 128 * positive + 127 * negative, b + 127 * positive - 128 * negative


def one_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray, lead: int = BITS) -> Constants | None:
    """For outputs clamped at -128 whose zero point is -128; the sum arrives multiplied by 2^(lead + 1). mult, shift as LiteRT
    has them, lo and hi the accumulator's range. None where some channel has no exact constants."""
    if zero_point != -128:
        return None
    m, e = mult.astype(np.int64), -shift.astype(np.int64)
    total = e + lead
    add = (np.int64(zero_point) << np.clip(total, 0, MOST)) + (np.int64(1) << np.clip(lead - 1, 0, None))
    add = add + np.where(e > 0, np.int64(1) << np.clip(total - 1, 0, MOST), 0)
    plain = (e >= 0) & (total <= MOST)
    return _search(plain, m, add, total, lo, hi, lead, lambda acc, c: np.clip(requant(acc, mult[c], shift[c]) + zero_point, -128, 127))


def once(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """For FULLY_CONNECTED, which rounds once: one sign's form for any zero point."""
    m, e = mult.astype(np.int64), -shift.astype(np.int64)
    total = e + BITS
    if (total < 1).any():
        return None
    plain, at = total <= MOST, np.minimum(total, MOST)
    add = (np.int64(zero_point) << at) + (np.int64(1) << (at - 1))
    return _search(plain, m, add, total, lo, hi, BITS, lambda acc, c: np.clip(requant_once(acc, mult[c], shift[c]) + zero_point, -128, 127))


def any_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int) -> Constants | None:
    e = -shift.astype(np.int64)
    if not ((e >= 1) & (e <= 22)).all():
        return None
    add = (np.int64(1) << (e - 1)) + (np.int64(zero_point) << e)
    return Constants(mult.astype(np.int32), add.astype(np.int32), e.astype(np.int32))


def _search(
    plain: np.ndarray, m: np.ndarray, add: np.ndarray, total: np.ndarray, lo: np.ndarray, hi: np.ndarray, lead: int,
    exact: Callable[[int, int], np.ndarray],
) -> Constants | None:  # fmt: skip
    m, add, total = m.copy(), add.copy(), total.copy()
    for c in np.flatnonzero(~plain).tolist():
        scale = int(total[c]) - MOST
        if scale <= 0:  # a multiplier above 1
            return None
        m[c] >>= scale
        total[c] = MOST
        found = _addend(int(m[c]), int(lo[c]), int(hi[c]), lead, lambda acc, c=c: int(exact(acc, c)))
        if found is None:
            return None
        add[c] = found
    return Constants(m.astype(np.int32), add.astype(np.int32), total.astype(np.int32))


def _addend(mult: int, lo: int, hi: int, lead: int, exact: Callable[[int], int]) -> int | None:
    """`add` such that sat8((add + floor(2^(lead+1) * acc * mult / 2^32)) >> MOST) == exact(acc) for lo <= acc <= hi. Both ascend,
    so agreement at the ends of each of exact's steps is agreement everywhere."""

    def high(acc: int) -> int:
        return ((acc << (lead + 1)) * mult) >> 32

    least, greatest = -(1 << 31) - high(lo), (1 << 31) - 1 - high(hi)  # no overflow
    least, greatest = max(least, -(1 << 31)), min(greatest, (1 << 31) - 1)
    at = lo
    while at <= hi:
        value = exact(at)
        end, beyond = at, hi + 1  # last accumulator with this value
        while beyond - end > 1:
            middle = (end + beyond) // 2
            if exact(middle) == value:
                end = middle
            else:
                beyond = middle
        if value > -128:
            least = max(least, (value << MOST) - high(at))
        if value < 127:
            greatest = min(greatest, ((value + 1) << MOST) - 1 - high(end))
        at = end + 1
    return least if least <= greatest else None
