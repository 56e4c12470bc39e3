"""Constants of a layer's channels in as few bits as they need: the layout of tm/packed_constants.h."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.opspec import Value

NONE: tuple[Value, ...] = (0, 0, 0)  # of a layer whose kernel reads them as they are
PART = "TM_PACKED_CONSTANTS_USED"  # KernelCall.parts
MULT_BITS, LOW_BITS = 23, 9
HIGH_BITS, MOST_SHIFT_BITS = (4, 8, 12, 16), 5


def pack(n: NodeView, bias: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, tuple[Value, ...]] | None:
    """Words (int32) and tm_packed_constants of bias int32 [C] and LiteRT's mult, shift [C]; None where they can not be given exactly."""
    found = from_scales(n, mult) if len(bias) >= 2 else None
    if found is None:
        return None
    m, factor = found
    s = -shift.astype(np.int64)
    base = int(s.min())
    bias_bits = max(int(b).bit_length() for b in np.where(bias < 0, ~bias, bias)) + 1
    shift_bits = int(s.max() - base).bit_length()
    high_bits = next((b for b in HIGH_BITS if b + LOW_BITS >= bias_bits + shift_bits), None)
    if shift_bits > MOST_SHIFT_BITS or high_bits is None:
        return None
    rest = bias.astype(np.int64) << shift_bits | s - base
    low = m & (1 << MULT_BITS) - 1 | (rest & (1 << LOW_BITS) - 1) << MULT_BITS
    high = rest >> LOW_BITS & (1 << high_bits) - 1
    out = b""
    for k in range(0, len(bias), 2):
        a = min(k, len(bias) - 2)
        last = int(high[a]) | int(high[a + 1]) << high_bits
        out += (int(low[a]) | int(low[a + 1]) << 32 | last << 64).to_bytes(8 + high_bits // 4, "little")
    form = high_bits | shift_bits << 5 | base + 128 << 8
    return np.frombuffer(out + bytes(-len(out) % 4), "<i4"), (form + (n.y.zero_point << 16), factor >> 32, factor & 0xFFFFFFFF)


def unpacked(m: np.ndarray, factor: int) -> np.ndarray:
    """mult as tm_unpack_constants computes it."""
    wide = [int(v) << 7 for v in m]
    p = [v * (factor >> 32) + (v * (factor & 0xFFFFFFFF) >> 32) for v in wide]
    return np.array([v + (1 << 30 + (v >> 62)) >> 31 + (v >> 62) for v in p], np.int64)


def from_scales(n: NodeView, mult: np.ndarray) -> tuple[np.ndarray, int] | None:
    """M and factor by way of the file's float32 scales; None where that is not exact."""
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
    return (m, factor) if (unpacked(m, factor) == mult).all() else None
