"""MUL: y = clamp(a * b), broadcasting (squeeze-and-excite multiplies [1,H,W,C] by [1,1,1,C]). Kernels: tm/mul.h; a
constant int8 scalar: tm/lut.h.

Numerics: LiteRT reference_integer_ops::Mul, two roundings; the multiplier is a float32 expression.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.numerics import requant
from tinyml.ops import _binary
from tinyml.ops._elementwise import float32_product, multiplier
from tinyml.opspec import KernelCall, Lowering


def multiplier_of(n: NodeView) -> tuple[int, int]:
    a, b = _binary.operands(n)
    what = "product of the input scales / output scale"
    return multiplier(what, float32_product(what, a.scale, b.scale, over=n.y.scale))


def compute(n: NodeView, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if n.is_float:
        return a * b
    ta, tb = _binary.operands(n)
    return requant((a - ta.zero_point) * (b - tb.zero_point), *multiplier_of(n)) + n.y.zero_point


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if n.is_float:
        return _binary.lower(n, low, "tm_mul_f32", "mul", (), compute)
    a, b = _binary.operands(n)
    mult, shift = multiplier_of(n)
    fields = (
        ("a_offset", -a.zero_point), ("b_offset", -b.zero_point),
        ("out_mult", mult), ("out_shift", shift), ("out_zero_point", n.y.zero_point),
    )  # fmt: skip
    return _binary.lower(n, low, "tm_mul_i8", "mul", fields, compute)


SPEC = _binary.binary_spec(
    "MUL",
    "MulOptions",
    "a * b with broadcasting and a fused clamp",
    compute=compute,
    check_scales=multiplier_of,
    lower_op=lower,
    scales=lambda a, b: 60 * a * b,
)
