"""Requantisation with one shift for all channels (ops/variants/_fixed.py, _sixteen.py): wherever there are constants, every accumulator gets
LiteRT's output."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.numerics import requant
from tinyml.ops.variants import _fixed, _sixteen
from tinyml.ops.variants._requant import Constants

ZERO_POINT = -128


def equal(q: Constants, mult: int, shift: int, lo: int, hi: int) -> bool:
    """Of a single channel, for every accumulator, as the kernels compute it."""
    acc = np.arange(lo, hi + 1)
    (m,), (add,), (scale,), (offset,) = (v.astype(np.int64) for v in (q.mult, q.add, q.shift, q.offset))
    x = acc + offset << scale
    t = add + (x * m >> 32)
    assert np.abs(x).max() < 1 << 31 and np.abs(t).max() < 1 << 31, "more than 32 bits"
    return bool(((t >> _fixed.SHIFT).clip(-128, 127) == np.clip(requant(acc, mult, shift) + ZERO_POINT, -128, 127)).all())


@pytest.mark.parametrize(("form", "e"), [(form, e) for form in (_fixed.high, _fixed.low) for e in range(16)])
def test_every_accumulator_gets_its_output(form: object, e: int) -> None:
    rng = np.random.default_rng(e)
    found = 0
    for _ in range(25):
        mult = int(rng.integers(1 << 30, 1 << 31))
        lo, hi = (int(v) for v in np.sort(rng.integers(-100_000, 100_001, 2)))
        q = form(*(np.array([v], np.int64) for v in (mult, -e)), ZERO_POINT, *(np.array([v], np.int64) for v in (lo, hi)))
        found += q is not None
        assert q is None or equal(q, mult, -e, lo, hi), (mult, lo, hi)
    if form is _fixed.low and 4 <= e < _fixed.SHIFT or form is _fixed.high and e == _fixed.SHIFT + 1 - _fixed.HIGH:
        assert found == 25, "the multiplier loses no bit"
    if form is _fixed.high and e in (6, 7, 8):
        assert found > 20, "of 31 bits, 30 to 28 are left"


def test_what_has_no_constants_is_refused() -> None:
    one = [np.array([v], np.int64) for v in (1 << 30, -6)]
    wide = [np.array([v], np.int64) for v in (-(1 << 23) - 1, 1 << 10)]
    assert _fixed.high(*one, 0, *(np.array([v], np.int64) for v in (-100, 100))) is None, "no ReLU"
    assert _fixed.high(*one, ZERO_POINT, *wide) is None, "256 times the accumulator is more than 32 bits"
    assert _fixed.high(one[0], np.array([-4]), ZERO_POINT, *(np.array([v], np.int64) for v in (-9999, 9999))) is None, "a multiplier of 32 bits"


def test_a_channel_that_never_changes_has_its_output() -> None:
    lo = hi = np.array([12_345], np.int64)
    q = _fixed.high(np.array([1 << 30]), np.array([-30]), ZERO_POINT, lo, hi)
    assert q is not None and q.mult[0] == 0 and q.add[0] >> _fixed.SHIFT == np.clip(requant(12_345, 1 << 30, -30) + ZERO_POINT, -128, 127)


@pytest.mark.parametrize("e", range(1, 14))
def test_sixteen_bits_of_every_accumulator(e: int) -> None:
    rng = np.random.default_rng(e)
    found = moved = 0
    for k in range(30):
        mult, least = int(rng.integers(1 << 30, 1 << 31)), 1 << 23 - max(0, min(9 - e, 8))  # of which on 32 bits overflow
        lo, hi = (int(v) for v in np.sort(rng.integers(-min(least, 60_000), min(least, 60_000), 2)))
        if least < 200_000 and k % 2:
            lo = -int(least * rng.uniform(1.0, 1.4))
        q = _sixteen.sixteen(*(np.array([v], np.int64) for v in (mult, -e)), ZERO_POINT, *(np.array([v], np.int64) for v in (lo, hi)))
        if q is None:
            continue
        acc = np.arange(lo, hi + 1)
        x = acc + q.offset[0] << _sixteen.LEAST + q.scale[0]
        t = q.add[0] + (x * q.mult[0] >> 32)
        assert np.abs(x).max() <= 1 << 31 and np.abs(t).max() < 1 << 31, "more than 32 bits"
        expected = np.clip(requant(acc, mult, -e) + ZERO_POINT, -128, 127)
        assert ((t >> _sixteen.SHIFT).clip(0, 255) - 128 == expected).all(), (mult, lo, hi)
        found, moved = found + 1, moved + int(q.offset[0] != 0)
    assert found > (25 if e < _sixteen.MOST else 10)
    assert moved > 3 or e > 3, "sums that are moved towards 0"
