"""ADD and SUB in int8: both operands are brought to a common scale with 20 extra bits, summed, and requantised.

Numerics: LiteRT reference_integer_ops::Add. SUB is the same sum with the second multiplier negated: its product is
rounded after the sign is applied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import NodeView, Tensor, hwc
from tinyml.numerics import FLT_MAX, quantize_multiplier, rdivpot, srdhm
from tinyml.ops import _binary, _packed
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, supported
from tinyml.variants import cheapest

LEFT_SHIFT = 20


@dataclass(frozen=True)
class Scales:
    """(mult, shift) of each operand and of the sum; shifts are <= 0. b_mult is negative for SUB."""

    a: tuple[int, int]
    b: tuple[int, int]
    out: tuple[int, int]


def scales(n: NodeView, sign: int) -> Scales:
    a, b = _binary.operands(n)
    common = 2.0 * max(a.scale, b.scale)
    wide_out = n.y.scale * (1 << LEFT_SHIFT)
    supported(common <= FLT_MAX and wide_out <= FLT_MAX, "scale is too large")
    supported(common / wide_out < 1, "output scale is less than a 500,000th of an input scale")
    mult_a, (mult_b, shift_b), out = (quantize_multiplier(r) for r in (a.scale / common, b.scale / common, common / wide_out))
    return Scales(mult_a, (sign * mult_b, shift_b), out)


def _scale_down(x: np.ndarray, by: tuple[int, int]) -> np.ndarray:
    return rdivpot(srdhm(x, by[0]), -by[1])


def compute(n: NodeView, a: np.ndarray, b: np.ndarray, sign: int) -> np.ndarray:
    """Unclamped a + sign * b in the output's domain."""
    if n.is_float:
        return a + b if sign > 0 else a - b
    s = scales(n, sign)
    ta, tb = _binary.operands(n)
    wide_a = _scale_down((a - ta.zero_point) << LEFT_SHIFT, s.a)
    wide_b = _scale_down((b - tb.zero_point) << LEFT_SHIFT, s.b)
    return _scale_down(wide_a + wide_b, s.out) + n.y.zero_point


def lower(n: NodeView, low: Lowering, sign: int) -> tuple[KernelCall, ...]:
    def whole(m: NodeView, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return compute(m, a, b, sign)

    if n.is_float:
        op = "add" if sign > 0 else "sub"
        return _binary.lower(n, low, f"tm_{op}_f32", op, (), whole)
    s = scales(n, sign)
    small, large = _binary.operands(n)
    swap = small.scale > large.scale
    small_mult, factor = s.a, sign << (LEFT_SHIFT - 1)  # the larger scale's real multiplier is 1/2: a product without rounding
    if swap:
        small, large, small_mult, factor = large, small, s.b, 1 << (LEFT_SHIFT - 1)
    fields = (
        ("a_offset", -small.zero_point), ("a_mult", small_mult[0]), ("a_shift", small_mult[1]),
        ("b_offset", -large.zero_point), ("b_factor", factor),
        ("out_mult", s.out[0]), ("out_shift", s.out[1]), ("out_zero_point", n.y.zero_point),
    )  # fmt: skip
    if _packed.is_packed(n):
        return cheapest(n, low, (_packed_call(n, low, fields, small, large),), 60.0 * n.y.elements)
    return _binary.lower(n, low, "tm_add_i8", "add", fields, whole, swap)


def _packed_call(n: NodeView, low: Lowering, fields: tuple[tuple[str, int], ...], a: Tensor, b: Tensor) -> KernelCall:
    """tm_add_packed on the operands in the order that `fields`, of tm_add_i8, has them."""
    c, w = hwc(n.y.shape)[2], low.geom(n.y).w
    lo, hi = n.attrs.clamp
    nowhere = _packed.NO_GEOM
    inner = (nowhere, nowhere, nowhere, *(v for _, v in fields), lo, hi)
    params = (
        ("a", low.geom(a)), ("b", low.geom(b)), ("out", low.geom(n.y)),
        ("c", c), ("a_bits", a.dtype.bits), ("b_bits", b.dtype.bits), ("out_bits", n.y.dtype.bits),
        ("clamp_lo", lo), ("clamp_hi", hi), ("inner", inner),
    )  # fmt: skip
    args = (Ref(a.id), Ref(b.id), Ref(n.y.id), Scratch())
    rows = sum(t.dtype.packed for t in (a, b, n.y))
    scratch = rows * _packed.round_up_4(w * c)
    return KernelCall("tm_add_packed", "add_packed", "tm_add_packed_params", params, args, scratch, uses=("tm_add_i8",))


def sensible_scale(a: float, b: float) -> float:
    return 0.7 * (a + b)
