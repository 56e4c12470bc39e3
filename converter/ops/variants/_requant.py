"""Requantisation in a few instructions, with proof that it equals LiteRT's for every accumulator that can occur.

LiteRT rounds twice: to an integer (halves up), then to the output (halves away from zero). With real = mult * 2^(shift-31):

*One sign*: y = sat8((add + floor(256 * acc * mult / 2^32)) >> e'). Keeping 7 more bits than LiteRT's first rounding, both roundings
become additions of halves, exactly, as long as ties of negative results need not go down. They need not where the clamp at
-128 and zero point -128 hide them, nor where nothing is rounded twice.
*Any sign*: t = add + round(2 * acc * mult / 2^32); y = sat8((t - (acc < 0)) >> e): LiteRT's own roundings, the zero point added before
the shift. Exact for 1 <= e <= 22.
*Constant*: a channel whose output is the same for the least and the greatest accumulator needs none.
*Searched*: outside of those ranges, `add` is found by intersecting what every threshold that the accumulator can reach
asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyml.numerics import requant, requant_once

BITS = 7  # kept below LiteRT's first rounding: the sum arrives multiplied by 256 = 2 * 2^BITS
MOST_TWICE = 22  # greatest shift of any sign's form
MOST = 23  # greatest shift: 128 << 23 is in int32


@dataclass(frozen=True, eq=False)
class Constants:
    """int32 [C] each, as the kernels read them. offset: what is added to the bias."""

    mult: np.ndarray
    add: np.ndarray
    shift: np.ndarray
    offset: np.ndarray | int = 0

    def at(self, channels: np.ndarray) -> Constants:
        offset = np.broadcast_to(self.offset, self.mult.shape)
        return Constants(*(v[channels] for v in (self.mult, self.add, self.shift, offset)))


def form_parts(name: str, any_sign: int, needed: bool = True) -> tuple[tuple[str, bool], ...]:
    """KernelCall.parts of a loop that a kernel's files have in both forms: TM_<name>_ONE_SIGN, TM_<name>_ANY_SIGN."""
    return ((f"TM_{name}_ONE_SIGN", needed and not any_sign), (f"TM_{name}_ANY_SIGN", needed and bool(any_sign)))


def bounds(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [C] each: least and greatest bias + sum of q * w over int8 q. weights [C,K]; bias [C] with the zero point folded in."""
    w = weights.astype(np.int64)
    positive = np.maximum(w, 0).sum(1)
    negative = w.sum(1) - positive
    b = bias.astype(np.int64)
    return b - 128 * positive + 127 * negative, b + 127 * positive - 128 * negative


Exact = Callable[[np.ndarray | int, np.ndarray | int], np.ndarray]  # (accumulator, channel) -> int8 output


def _twice(mult: np.ndarray, shift: np.ndarray, zero_point: int) -> Exact:
    return lambda acc, c: np.clip(requant(acc, mult[c], shift[c]) + zero_point, -128, 127)


def one_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """For outputs clamped at -128 whose zero point is -128; the sum arrives multiplied by 256. mult, shift as LiteRT has
    them, lo and hi the accumulator's range. None where some channel has no exact constants."""
    if zero_point != -128:
        return None
    m, e = mult.astype(np.int64), -shift.astype(np.int64)
    total = e + BITS
    add = (np.int64(zero_point) << np.clip(total, 0, MOST)) + (np.int64(1) << (BITS - 1))
    add = add + np.where(e > 0, np.int64(1) << np.clip(total - 1, 0, MOST), 0)
    return _search((e >= 0) & (total <= MOST), m, add, total, lo, hi, _twice(mult, shift, zero_point))


def once(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """For FULLY_CONNECTED, which rounds once: one sign's form for any zero point."""
    m, total = mult.astype(np.int64), BITS - shift.astype(np.int64)
    at = np.clip(total, 1, MOST)
    add = (np.int64(zero_point) << at) + (np.int64(1) << (at - 1))

    def exact(acc: np.ndarray | int, c: np.ndarray | int) -> np.ndarray:
        return np.clip(requant_once(acc, mult[c], shift[c]) + zero_point, -128, 127)

    return _search((total >= 1) & (total <= MOST), m, add, total, lo, hi, exact)


def any_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """For any zero point; the sum arrives multiplied by 2. None where some channel has no exact constants."""
    e = -shift.astype(np.int64)
    value, constant = _constant(lo, hi, _twice(mult, shift, zero_point))
    e = np.where(constant, 8, e)
    if not ((e >= 1) & (e <= MOST_TWICE) & (constant | _small(lo, hi))).all():
        return None
    add = (np.int64(1) << (e - 1)) + (np.where(constant, value, zero_point) << e)
    return Constants(np.where(constant, 0, mult).astype(np.int32), add.astype(np.int32), e.astype(np.int32))


def twice(shift: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> bool:
    """Whether any sign's form is exact for all channels with LiteRT's own multiplier and shift."""
    e = -shift.astype(np.int64)
    return bool(((e >= 1) & (e <= MOST_TWICE) & _small(lo, hi)).all())


def narrow(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """One sign's form for any zero point, where accumulators take few values, as those of 4 and 2 bits do: exact as it is
    for multipliers of 1/2 and more, which LiteRT rounds once; for others `add` is searched. None where some channel has none."""
    m, e = mult.astype(np.int64), -shift.astype(np.int64)
    total = e + BITS
    exact = _twice(mult, shift, zero_point)
    value, constant = _constant(lo, hi, exact)
    if not ((constant | ((total >= 1) & (total <= MOST))) & (constant | _small(lo, hi))).all():
        return None
    at = np.clip(total, 1, MOST)
    add = (np.int64(zero_point) << at) + (np.int64(1) << (at - 1))
    m, at = np.where(constant, 0, m), np.where(constant, MOST, at)
    add = np.where(constant, value << MOST, add)
    for c in np.flatnonzero(~constant & (e > 0)).tolist():
        found = addend(int(m[c]), steps(int(lo[c]), int(hi[c]), lambda acc, c=c: exact(acc, c)), int(at[c]))
        if found is None:
            return None
        add[c] = found
    return Constants(m.astype(np.int32), add.astype(np.int32), at.astype(np.int32))


def _small(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Whether 256 times the accumulator fits 32 bits."""
    return (lo > -(1 << 23)) & (hi < 1 << 23)


def _constant(lo: np.ndarray, hi: np.ndarray, exact: Exact) -> tuple[np.ndarray, np.ndarray]:
    """int64 [C] output at the least accumulator, and whether it is the same at the greatest, hence always."""
    channels = np.arange(len(lo))
    inside = (lo >= -(1 << 31)) & (hi < 1 << 31)
    value = exact(np.where(inside, lo, 0), channels)
    return value, inside & (value == exact(np.where(inside, hi, 0), channels))


def _search(
    plain: np.ndarray, m: np.ndarray, add: np.ndarray, total: np.ndarray, lo: np.ndarray, hi: np.ndarray, exact: Exact
) -> Constants | None:
    """The constants of one sign's form: as given where `plain`, of channels that never change a multiplier of 0, of others
    what addend() finds."""
    value, constant = _constant(lo, hi, exact)
    m = np.where(constant, 0, m)
    total = np.where(constant, MOST, total)
    add = np.where(constant, value << MOST, add)
    if not (constant | _small(lo, hi)).all():
        return None
    for c in np.flatnonzero(~(plain | constant)).tolist():
        scale = int(total[c]) - MOST
        if scale <= 0:  # a multiplier above 1
            return None
        m[c] >>= scale
        total[c] = MOST
        found = addend(int(m[c]), steps(int(lo[c]), int(hi[c]), lambda acc, c=c: exact(acc, c)))
        if found is None:
            return None
        add[c] = found
    return Constants(m.astype(np.int32), add.astype(np.int32), total.astype(np.int32))


@dataclass(frozen=True, eq=False)
class Steps:
    """An ascending function of the accumulator: it has value[k] from start[k] to end[k]. int64, ascending."""

    start: np.ndarray
    end: np.ndarray
    value: np.ndarray


def steps(lo: int, hi: int, exact: Callable[[np.ndarray], np.ndarray]) -> Steps:
    """Of `exact` for lo <= acc <= hi; at most 256 of them. All are looked for at once, by bisection."""
    least, most = (int(v) for v in exact(np.array([lo, hi], np.int64)))
    wanted = np.arange(least + 1, most + 1)
    # the first accumulator with at least each value lies in (below, upto]
    below, upto = np.full(len(wanted), lo, np.int64), np.full(len(wanted), hi, np.int64)
    while (upto - below > 1).any():
        middle = (below + upto) // 2
        reached = exact(middle) >= wanted
        below, upto = np.where(reached, below, middle), np.where(reached, middle, upto)
    start = np.unique(np.concatenate((np.array([lo], np.int64), upto)))  # a value that is never taken begins where the next one does
    return Steps(start, np.append(start[1:] - 1, hi), exact(start))


def addend(mult: int, known: Steps, total: int = MOST, scale: int = BITS + 1) -> int | None:
    """`add` such that sat8((add + floor(2^scale * acc * mult / 2^32)) >> total) is the function in `known`. Both ascend, so
    agreement at the ends of each step is agreement everywhere."""
    first, last = (((acc << scale) * mult) >> 32 for acc in (known.start, known.end))
    limit = 1 << 31
    least = max(-limit - int(first[0]), -limit)  # no overflow
    greatest = min(limit - 1 - int(last[-1]), limit - 1)
    inner = known.value > -128
    if inner.any():
        least = max(least, int(((known.value << total) - first)[inner].max()))
    inner = known.value < 127
    if inner.any():
        greatest = min(greatest, int((((known.value + 1) << total) - 1 - last)[inner].min()))
    return least if least <= greatest else None
