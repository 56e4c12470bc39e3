"""Constants of a layer's channels in as few bits as they need: the layout of tm/packed_constants.h."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.opspec import Table, Value

NONE: tuple[Value, ...] = (None, 0, 0, 0, 0, 0)  # of a layer whose kernel reads them as they are
MULT_BITS, MOST_BIAS_BITS, MOST_REST_BITS = 23, 26, 31


def pack(n: NodeView, bias: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> tuple[Value, ...] | None:
    """A tm_packed_constants of bias int32 [C] and LiteRT's mult, shift [C]; None where they can not be given exactly."""
    found = from_scales(n, mult, shift)
    bias_bits = max(int(b).bit_length() for b in np.where(bias < 0, ~bias, bias)) + 1
    if found is None or bias_bits > MOST_BIAS_BITS:
        return None
    m, s, factor = found
    base = int(s.min())
    shift_bits = max(1, int(s.max() - base).bit_length())
    if shift_bits > 5 or shift_bits + bias_bits > MOST_REST_BITS:
        return None
    width, total = bias_bits + MULT_BITS + shift_bits, 0
    for k in range(len(bias)):
        field = int(m[k] & (1 << MULT_BITS) - 1) | (int(s[k]) - base) << MULT_BITS
        field |= (int(bias[k]) & ((1 << bias_bits) - 1)) << MULT_BITS + shift_bits
        total |= field << k * width
    count = -(-(width * len(bias) + 64) // 32)
    words = np.frombuffer(total.to_bytes(4 * count, "little"), "<u4")
    return (Table("constants", words), bias_bits, shift_bits, base, factor >> 32, factor & 0xFFFFFFFF)


def unpacked(m: np.ndarray, s: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """mult and e as tm_unpack_constants computes them."""
    wide = [int(v) << 7 for v in m]
    p = [v * (factor >> 32) + (v * (factor & 0xFFFFFFFF) >> 32) for v in wide]
    carry = [v >> 62 for v in p]
    mult = [v + (1 << 30 + c) >> 31 + c for v, c in zip(p, carry, strict=True)]
    return np.array(mult, np.int64), s - np.array(carry, np.int64)


def from_scales(n: NodeView, mult: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray, int] | None:
    """M, s and factor by way of the file's float32 scales; None where that is not exact."""
    w = n.inputs[1]
    assert w is not None
    scales = np.array(_channels.weight_scales(w, len(mult)))
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        return None
    m = (np.frexp(scales)[0] * (1 << MULT_BITS + 1)).astype(np.int64)  # mantissas of 24 bits
    ratio = Fraction(n.x.scale) / Fraction(n.y.scale)
    while ratio >= 2:
        ratio /= 2
    while ratio < 1:
        ratio *= 2
    factor = min(round(ratio * (1 << 63)), (1 << 64) - 1)
    got, minus_carry = unpacked(m, np.zeros_like(m), factor)
    return (m, -shift.astype(np.int64) - minus_carry, factor) if (got == mult).all() else None
