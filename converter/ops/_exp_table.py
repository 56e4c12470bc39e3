"""exp(x) for x <= 0 in 32-bit fixed point, as the int8 SOFTMAX of LiteRT computes it, tabulated for all 256 differences.

Source: gemmlowp fixedpoint.h, exp_on_negative_values; LiteRT PreprocessSoftmaxScaling and CalculateInputRadius.
"""

from __future__ import annotations

import math

import numpy as np

from tinyml.numerics import INT32_MAX, quantize_multiplier, rdivpot, srdhm
from tinyml.opspec import supported

INTEGER_BITS = 5  # of the scaled difference, so 26 fractional bits
ONE_QUARTER = 1 << 24
FRACTION = 1 << 31  # results are x / 2^31


def _constant(real: float) -> int:
    return math.floor(real * FRACTION + 0.5)


def _near_minus_one_eighth(a: np.ndarray) -> np.ndarray:
    """exp(a / 2^31) for -1/4 <= a / 2^31 < 0: a Taylor polynomial around -1/8."""
    x = a + (1 << 28)
    x2 = srdhm(x, x)
    x3, x4 = srdhm(x2, x), srdhm(x2, x2)
    tail = rdivpot(srdhm(rdivpot(x4, 2) + x3, _constant(1 / 3)) + x2, 1)  # x^2/2 + x^3/6 + x^4/24
    at = _constant(math.exp(-1 / 8))
    return at + srdhm(x + tail, at)


def exp_fixed(a: np.ndarray) -> np.ndarray:
    """round-off-exact exp(a / 2^26) * 2^31 for int64 a, -2^31 <= a <= 0."""
    part = (a & (ONE_QUARTER - 1)) - ONE_QUARTER
    out = _near_minus_one_eighth(part << INTEGER_BITS)
    rest = part - a  # a multiple of 1/4
    for exponent in range(-2, INTEGER_BITS):
        factor = _constant(math.exp(-(2.0**exponent)))
        out = np.where(rest & (1 << (26 + exponent)), srdhm(out, factor), out)
    return np.where(a == 0, INT32_MAX, out)


def exp_scaling(beta: float, scale: float) -> tuple[int, int, int]:
    """mult, left, radius: the exponent of a difference d is -d * 2^left * mult / 2^31, and beyond the radius LiteRT skips the term."""
    real = min(beta * scale * (1 << (31 - INTEGER_BITS)), INT32_MAX * 1.0)
    supported(math.isfinite(real) and real > 1, "beta times the input scale is too small")
    mult, left = quantize_multiplier(real)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << left))
    return mult, left, radius


def exp_table(beta: float, scale: float) -> np.ndarray:
    """int32 [256]: entry d is exp(-d * beta * scale) * 2^31, or 0 where LiteRT skips the term as negligible."""
    mult, left, radius = exp_scaling(beta, scale)
    d = np.arange(256, dtype=np.int64)
    scaled = srdhm(-np.minimum(d, radius) << left, mult)
    return np.where(d <= radius, exp_fixed(scaled), 0).astype(np.int32)
