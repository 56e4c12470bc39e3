"""HARD_SWISH: y = x * min(max(x + 3, 0), 6) / 6. int8: a table (tm/lut.h); float32: tm/hard_swish.h.

Numerics: LiteRT reference_ops::HardSwish, 16-bit fixed point: x is held 7 bits up, the factor relu6(x + 3) / 6 is a
number of 15 fractional bits, and the product is truncated towards zero before the last, rounding shift.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import quantize_multiplier, rdivpot
from tinyml.ops import _elementwise as ew
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, supported

LO, HI = -(1 << 15), (1 << 15) - 1


def _short_multiplier(real: float) -> tuple[int, int]:
    """quantize_multiplier with the multiplier rounded to 15 fractional bits."""
    mult, shift = quantize_multiplier(real)
    return min((mult + (1 << 15)) >> 16, HI), shift


def _mul16(a: np.ndarray, b: int) -> np.ndarray:
    """16-bit a * b / 2^15, rounded; 0 <= b."""
    return (a * b + (1 << 14)) >> 15


def _rdivpot16(x: np.ndarray, e: int) -> np.ndarray:
    """x / 2^e, halves away from zero, on 16-bit values; LiteRT's 16-bit mask makes it +1 or -1 from e = 16 on."""
    return rdivpot(x, e) if e < 16 else np.where(x < 0, -1, 1)


def _table(n: NodeView) -> np.ndarray:
    x, y = n.x, n.y
    fine = float(np.float32(np.float32(1 / 128) * np.float32(x.scale)))
    out_mult, out_shift = _short_multiplier(ew.float32_product("input scale / output scale", fine, over=y.scale))
    supported(out_shift <= 0, "output scale is smaller than 1/128 of the input scale")
    gate_scale = float(np.float32(3.0) / np.float32(32768.0))
    gate_mult, gate_shift = _short_multiplier(ew.float32_product("input scale", fine, over=gate_scale))
    q = (ew.ALL_INT8 - x.zero_point) << 7
    scaled = _mul16(q, out_mult)
    # the factor in -1..1; all but one bit of a left shift comes before the product, so that saturation is harmless
    gate = np.clip(q << max(gate_shift - 1, 0), LO, HI)
    gate = _mul16(gate, gate_mult)
    if gate_shift > 0:
        gate = np.clip(gate << 1, LO, HI)
    gate = _rdivpot16(gate, max(-gate_shift, 0))
    gate = (gate + (1 << 15)) >> 1
    product = gate * scaled
    product = np.sign(product) * (np.abs(product) >> 15)
    return np.clip(_rdivpot16(product, -out_shift) + y.zero_point, -128, 127).astype(np.int8)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    if not n.is_float:
        _table(n)  # refuses scales that the fixed-point form can not take
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    if n.is_float:
        return (x * np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6),)
    return (ew.apply_table(_table(n), x),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return ew.float_call("hard_swish", n, low) if n.is_float else ew.lut_call(n.x, n.y, _table(n), low)


def cases() -> Iterable[Case]:
    def i8(name: str, sx: float, zx: int, sy: float, zy: int, shape: tuple[int, ...] = (1, 16, 16, 3)) -> Case:
        return Case(name, {}, (CaseTensor(shape, scale=sx, zero_point=zx),), (CaseTensor(shape, scale=sy, zero_point=zy),))

    yield i8("usual", 0.05, 0, 0.03, -110)
    yield i8("fine", 0.01, -20, 0.01, -100)
    yield i8("fine_other_output", 0.002, 100, 0.05, 3)
    yield i8("coarse", 0.5, -90, 0.4, -128)
    yield i8("very_coarse", 6.0, 12, 1.1, -120, (256,))
    yield i8("highest_zero_point", 0.05, 127, 0.01, 127, (16, 16))
    yield i8("lowest_zero_point", 0.05, -128, 0.05, -128, (1, 256))
    yield i8("saturating", 0.1, 5, 0.001, -30)
    yield i8("coarse_output", 0.0002, 5, 0.3, -30)
    yield i8("vanishing", 1e-9, 5, 1.0, -30)
    x = CaseTensor((1, 5, 6, 7), DType.FLOAT32, low=-7, high=7)
    yield Case("float", {}, (x,), (CaseTensor((1, 5, 6, 7), DType.FLOAT32),), tolerance=1e-6)


SPEC = OpSpec(
    name="HARD_SWISH",
    options=None,
    arity=(1, 1),
    read=ew.read_none,
    infer=infer,
    reference=reference,
    access=ew.access_same,
    lower=lower,
    cases=cases,
    summary="x * relu6(x + 3) / 6",
    c_limits=("int8 output scale at least 1/128 of the input scale",),
)
