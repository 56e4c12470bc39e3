"""The shared fixed-point arithmetic, three ways: tm/base.h (compiled with UBSan), tinyml.numerics, and a definition that
shares no formula with them. Millions of random operands, every tie of every shift, and the ends of every range."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tinyml import numerics
from tinyml.numerics import INT32_MAX, INT32_MIN

ROOT = Path(__file__).resolve().parents[1]
MILLION = 1 << 20
EDGES = np.array(
    [INT32_MIN, INT32_MIN + 1, -(1 << 30) - 1, -(1 << 30), -(1 << 30) + 1, -3, -2, -1, 0, 1, 2, 3, (1 << 30) - 1, 1 << 30, (1 << 30) + 1,
     INT32_MAX - 1, INT32_MAX], np.int64,
)  # fmt: skip
Native = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """native(name, *int arrays) -> int64 array, computed by the C function run_<name>."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no host C compiler")
    library = tmp_path_factory.mktemp("numerics") / "numerics.so"
    subprocess.run(
        [compiler, "-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all",
         "-shared", "-fPIC", f"-I{ROOT / 'runtime_c' / 'include'}", str(ROOT / "tests" / "c" / "numerics_native.c"), "-o", str(library)],
        check=True,
    )  # fmt: skip
    loaded = ctypes.CDLL(str(library))

    def run(name: str, *operands: np.ndarray) -> np.ndarray:
        arrays = [np.ascontiguousarray(a, np.int32) for a in np.broadcast_arrays(*operands)]
        assert all((a == b).all() for a, b in zip(arrays, operands, strict=True)), "an operand does not fit int32"
        out = np.empty(arrays[0].shape, np.int32)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*arrays, out)]
        getattr(loaded, f"run_{name}")(*pointers, ctypes.c_int32(out.size))
        return out.astype(np.int64)

    return run


# Independent definitions: nearest integer to an exact quotient, from quotient and remainder.


def nearest(numerator: np.ndarray, log2: np.ndarray | int, away: bool) -> np.ndarray:
    """numerator / 2^log2 to the nearest integer; ties away from zero, or up. int64 holds everything: log2 <= 62."""
    divisor = np.int64(1) << np.asarray(log2, np.int64)
    quotient, remainder = np.divmod(numerator, divisor)  # floor, 0 <= remainder < divisor
    rest = divisor - remainder
    up = (remainder > rest) | ((remainder == rest) & ((numerator > 0) | (not away)))
    return quotient + (up & (remainder > 0))


def wrapped(x: np.ndarray) -> np.ndarray:
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def define_srdhm(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.minimum(nearest(a * b, 31, away=False), INT32_MAX)


def define_requant(x: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> np.ndarray:
    shifted = wrapped(x * (np.int64(1) << np.maximum(shift, 0)))
    return nearest(define_srdhm(shifted, mult), np.maximum(-shift, 0), away=True)


def define_requant_once(x: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return nearest(x * mult, 31 - shift, away=False)


def integers(rng: np.random.Generator, n: int) -> np.ndarray:
    """int32 values of every magnitude: uniform, and uniform shifted right by 0..31."""
    uniform = rng.integers(INT32_MIN, INT32_MAX + 1, n)
    return np.where(rng.random(n) < 0.5, uniform, uniform >> rng.integers(0, 32, n))


def multipliers(rng: np.random.Generator, n: int) -> np.ndarray:
    mult = rng.integers(1 << 30, 1 << 31, n)
    mult[:: 1 << 10] = 1 << 30
    mult[1 :: 1 << 10] = INT32_MAX
    mult[2 :: 1 << 10] = 0
    return mult


def check(native: Native, name: str, ours: Callable[..., np.ndarray], definition: Callable[..., np.ndarray], *operands: np.ndarray) -> None:
    expected = definition(*operands)
    np.testing.assert_array_equal(native(name, *operands), expected)
    np.testing.assert_array_equal(ours(*operands), expected)


def define_rdivpot(x: np.ndarray, e: np.ndarray) -> np.ndarray:
    return nearest(x, e, away=True)


def test_definition_equals_exact_fractions() -> None:
    """The vectorised definition itself, against Python's unbounded integers."""
    rng = np.random.default_rng(0)
    for numerator, log2 in zip(rng.integers(-(1 << 62), 1 << 62, 4000).tolist(), rng.integers(0, 62, 4000).tolist(), strict=True):
        for value in (numerator, (numerator >> log2 << log2) + (1 << log2 >> 1)):  # the second is a tie
            exact = Fraction(value, 1 << log2)
            up = (exact + Fraction(1, 2)).__floor__()
            assert nearest(np.array(value), log2, away=False) == up
            assert nearest(np.array(value), log2, away=True) == (up if exact > 0 else -((-exact + Fraction(1, 2)).__floor__()))


@pytest.mark.parametrize("seed", range(3))
def test_srdhm_random(native: Native, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check(native, "srdhm", numerics.srdhm, define_srdhm, integers(rng, MILLION), integers(rng, MILLION))


def test_srdhm_ends_and_ties(native: Native) -> None:
    a, b = (m.reshape(-1) for m in np.meshgrid(EDGES, EDGES))
    check(native, "srdhm", numerics.srdhm, define_srdhm, a, b)
    # a * b == (2k + 1) * 2^30 exactly: b a power of two, a an odd multiple of 2^30 / b
    for power in range(31):
        a = np.arange(-(1 << min(11, power)), 1 << min(11, power)) * (1 << (31 - power)) + (1 << (30 - power))
        a = a[(a >= INT32_MIN) & (a <= INT32_MAX)]
        assert len(a) and ((a * (1 << power)) % (1 << 31) == 1 << 30).all()
        for around in (a - 1, a, a + 1):
            around = np.clip(around, INT32_MIN, INT32_MAX)
            for b in (1 << power, -(1 << power)):
                check(native, "srdhm", numerics.srdhm, define_srdhm, around, np.full_like(around, b))


@pytest.mark.parametrize("seed", range(2))
def test_rdivpot_random(native: Native, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check(native, "rdivpot", numerics.rdivpot, define_rdivpot, integers(rng, MILLION), rng.integers(0, 32, MILLION))


def test_rdivpot_every_exponent_at_its_ties(native: Native) -> None:
    for e in range(32):
        ties = ((np.arange(-2000, 2000) * 2 + 1) << e) >> 1
        x = np.concatenate([EDGES, *(np.clip(ties + d, INT32_MIN, INT32_MAX) for d in (-1, 0, 1))])
        check(native, "rdivpot", numerics.rdivpot, define_rdivpot, x, np.full_like(x, e))


@pytest.mark.parametrize("seed", range(4))
def test_requant_random(native: Native, seed: int) -> None:
    """All shifts, those that wrap the shifted accumulator included."""
    rng = np.random.default_rng(seed)
    operands = integers(rng, MILLION), multipliers(rng, MILLION), rng.integers(-31, 31, MILLION)
    check(native, "requant", numerics.requant, define_requant, *operands)


@pytest.mark.parametrize("shift", range(-31, 31))
def test_requant_ends_and_ties(native: Native, shift: int) -> None:
    """Accumulators beside (k + 1/2) / (mult * 2^(shift-31)), where one more unit changes the result."""
    rng = np.random.default_rng(shift + 100)
    mult = np.concatenate([[1 << 30, INT32_MAX, (1 << 30) + 1], rng.integers(1 << 30, 1 << 31, 61)])
    k = np.arange(-300, 300)
    scale = mult * 2.0 ** (shift - 31)
    near = np.rint((k[None, :] + 0.5) / scale[:, None])[..., None] + np.arange(-2, 3)
    x = np.clip(near, INT32_MIN, INT32_MAX).astype(np.int64)
    x, m = (a.reshape(-1) for a in np.broadcast_arrays(x, mult[:, None, None]))
    shifts = np.full_like(x, shift)
    check(native, "requant", numerics.requant, define_requant, x, m, shifts)
    fits = np.abs(x.astype(np.float64) * m * 2.0 ** (shift - 31)) < (1 << 31) - 1
    check(native, "requant_once", numerics.requant_once, define_requant_once, x[fits], m[fits], shifts[fits])


@pytest.mark.parametrize("seed", range(3))
def test_requant_once_random(native: Native, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, mult, shift = integers(rng, MILLION), multipliers(rng, MILLION), rng.integers(-31, 31, MILLION)
    fits = np.abs(x.astype(np.float64) * mult * 2.0 ** (shift - 31)) < (1 << 31) - 1  # its contract
    assert fits.mean() > 0.4
    check(native, "requant_once", numerics.requant_once, define_requant_once, x[fits], mult[fits], shift[fits])


def test_add_wrap_and_offset_clamp(native: Native) -> None:
    rng = np.random.default_rng(0)
    a, b = np.concatenate([integers(rng, MILLION), EDGES]), np.concatenate([integers(rng, MILLION), EDGES[::-1]])
    np.testing.assert_array_equal(native("add_wrap", a, b), wrapped(a + b))
    zero_point, ends = rng.integers(-32768, 32768, len(a)), np.sort(rng.integers(-32768, 32768, (2, len(a))), axis=0)
    np.testing.assert_array_equal(native("offset_clamp", a, zero_point, *ends), np.clip(a + zero_point, *ends))


def test_quantize_multiplier_is_the_nearest_31_bit_value() -> None:
    rng = np.random.default_rng(0)
    halves = [(m + 0.5) * 2.0**s for m in rng.integers(1 << 30, 1 << 31, 50).tolist() for s in (-60, -40, -31, -10)]
    for real in [*np.exp(rng.uniform(-21, 20, 5000)).tolist(), *halves, 1.0, 0.5, 1.0 - 2.0**-40, 2.0**-31, 3.0]:
        mult, shift = numerics.quantize_multiplier(real)
        assert 1 << 30 <= mult < 1 << 31 and -31 <= shift <= 30
        exact = Fraction(real) * Fraction(2) ** (31 - shift)
        # rounding up to 2^31 moves to the next exponent, where the spacing doubles
        assert abs(exact - mult) <= (Fraction(1, 2) if mult > 1 << 30 else Fraction(1, 4)) and (exact - mult != Fraction(1, 2))
    assert numerics.quantize_multiplier(0.0) == (0, 0)
    assert numerics.quantize_multiplier(2.0**-40) == (0, 0)


def test_fully_connected_rounds_like_the_double_product() -> None:
    """The chosen multipliers equal round(acc * real), halves away from zero, for every accumulator of a channel."""
    from tinyml.ops._round_once import exact_multipliers

    rng = np.random.default_rng(5)
    changed = 0
    for kind in range(60):
        n = 16
        real = (rng.uniform(2**-9, 2**-6, n), 2.0 ** -rng.integers(1, 12, n), 1.0 / (3 * 2.0 ** rng.integers(2, 9, n)))[kind % 3]
        lo = rng.integers(-20000, 1, n)
        hi = lo + rng.integers(0, 40000, n)
        levels = np.arange(-127, 128) - int(rng.integers(-128, 128))
        chosen = exact_multipliers(real, levels, lo, hi)
        assert chosen is not None
        for r, first, last, mult, shift in zip(real.tolist(), lo.tolist(), hi.tolist(), *(c.tolist() for c in chosen), strict=True):
            acc = np.arange(first, last + 1)
            exact = np.array([_round_product(a, r) for a in acc[:: max(1, len(acc) // 3000)].tolist()])
            got = numerics.requant_once(acc[:: max(1, len(acc) // 3000)], mult, shift)
            np.testing.assert_array_equal(np.clip(got, levels[0] - 1, levels[-1]), np.clip(exact, levels[0] - 1, levels[-1]))
            changed += (mult, shift) != numerics.quantize_multiplier(r)
    assert changed > 100  # ties are common here, so the nominal multiplier would not have done


def _round_product(acc: int, real: float) -> int:
    exact = Fraction(acc * real)  # the double product, exactly
    magnitude = (abs(exact) + Fraction(1, 2)).__floor__()
    return magnitude if exact >= 0 else -magnitude
