"""The stand-alone RELU family: y = clamp(x) in the real domain. int8: requantised, two roundings, then clamped.

Numerics: LiteRT activations.cc, QuantizedReluX over reference_ops::ReluX; the multiplier is a float32 quotient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import activation_clamp, requant, same_quant
from tinyml.ops import _elementwise as ew
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, supported


def _table(n: NodeView, kind: int) -> np.ndarray:
    """Results for all int8 inputs, ascending."""
    ratio = "input scale / output scale"
    mult, shift = ew.multiplier(ratio, ew.float32_product(ratio, n.x.scale, over=n.y.scale))
    supported(6 / n.y.scale < 1 << 31, "output scale is too small")  # LiteRT's bound is an int32
    y = requant(ew.ALL_INT8 - n.x.zero_point, mult, shift) + n.y.zero_point
    return np.clip(y, *activation_clamp(kind, n.y)).astype(np.int8)


def _infer(n: NodeView, kind: int) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    if not n.is_float:
        _table(n, kind)  # refuses scales whose quotient is no number
    return shapes


def _reference(n: NodeView, arrays: tuple[np.ndarray | None, ...], kind: int) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    if n.is_float:
        lo, hi = activation_clamp(kind, n.y)
        return (np.minimum(np.maximum(x, np.float32(lo)), np.float32(hi)),)
    return (ew.apply_table(_table(n, kind), x),)


def _as_clamp(n: NodeView, kind: int) -> tuple[float, float] | None:
    return activation_clamp(kind, n.y) if same_quant(n.x, n.y) else None


def _lower(n: NodeView, low: Lowering, kind: int) -> tuple[KernelCall, ...]:
    clamp = _as_clamp(n, kind)
    if clamp is not None:
        return ew.clip_call(n, low, *clamp)
    return ew.lut_call(n.x, n.y, _table(n, kind), low)


def _cases() -> Iterable[Case]:
    def i8(name: str, shape: tuple[int, ...], sx: float, zx: int, sy: float, zy: int) -> Case:
        return Case(name, {}, (CaseTensor(shape, scale=sx, zero_point=zx),), (CaseTensor(shape, scale=sy, zero_point=zy),))

    yield i8("same_quantisation", (1, 5, 7, 3), 0.05, -20, 0.05, -20)
    yield i8("same_lowest_zero_point", (1, 3, 4, 8), 0.03, -128, 0.03, -128)
    yield i8("same_highest_zero_point", (1, 3, 4, 8), 0.03, 127, 0.03, 127)
    yield i8("requantised", (1, 16, 16, 1), 0.05, 11, 0.03, -128)
    yield i8("requantised_up", (1, 16, 16, 1), 0.013, -3, 0.1, 5)
    yield i8("requantised_saturating", (16, 16), 3.0, 100, 0.001, -7)
    yield i8("vanishing", (256,), 1e-7, -5, 30.0, 9)
    yield i8("only_zero_point_moves", (1, 1, 256), 0.02, -128, 0.02, 3)
    yield Case("float", {}, (CaseTensor((1, 4, 5, 3), DType.FLOAT32, low=-9, high=9),), (CaseTensor((1, 4, 5, 3), DType.FLOAT32),))
    yield Case("float_vector", {}, (CaseTensor((33,), DType.FLOAT32, low=-2, high=2),), (CaseTensor((33,), DType.FLOAT32),))


def relu_spec(name: str, kind: int, summary: str) -> OpSpec:
    """`kind` is the fused activation with the same clamp (numerics.activation_clamp)."""

    def bind(f: Callable) -> Callable:
        return lambda *args: f(*args, kind)

    return OpSpec(
        name=name,
        options=None,
        arity=(1, 1),
        read=ew.read_none,
        infer=bind(_infer),
        reference=bind(_reference),
        access=ew.access_same,
        lower=bind(_lower),
        cases=_cases,
        as_clamp=bind(_as_clamp),
        summary=summary,
    )
