"""LEAKY_RELU: y = x > 0 ? x : alpha * x. int8: a table (tm/lut.h); float32: tm/leaky_relu.h.

Numerics: LiteRT reference_ops::QuantizeLeakyRelu; both multipliers are float32 expressions, two roundings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import FLT_MAX, requant
from tinyml.ops import _elementwise as ew
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, Options, require, supported


@dataclass(frozen=True)
class Attrs:
    alpha: float  # finite; a float32 value

    def check(self, n: NodeView) -> None:
        require(-FLT_MAX <= self.alpha <= FLT_MAX, f"alpha {self.alpha}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    alpha = float(np.float32(o.get("Alpha")))
    supported(bool(np.isfinite(alpha)), f"alpha {alpha}")
    return Attrs(alpha)


def _table(n: NodeView) -> np.ndarray:
    x, y = n.x, n.y
    q = ew.ALL_INT8 - x.zero_point
    ratio, slope = "input scale / output scale", "alpha * input scale / output scale"
    positive = ew.multiplier(ratio, ew.float32_product(ratio, x.scale, over=y.scale))
    negative = ew.multiplier(slope, ew.float32_product(slope, x.scale, n.attrs.alpha, over=y.scale))
    out = np.where(q >= 0, requant(q, *positive), requant(q, *negative)) + y.zero_point
    return np.clip(out, -128, 127).astype(np.int8)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    if not n.is_float:
        _table(n)  # refuses multipliers that are no number
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    if n.is_float:
        return (np.where(x > 0, x, x * np.float32(n.attrs.alpha)),)
    return (ew.apply_table(_table(n), x),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if n.is_float:
        return ew.float_call("leaky_relu", n, low, alpha=n.attrs.alpha)
    return ew.lut_call(n.x, n.y, _table(n), low)


def cases() -> Iterable[Case]:
    def i8(name: str, alpha: float, sx: float, zx: int, sy: float, zy: int, shape: tuple[int, ...] = (1, 16, 16, 3)) -> Case:
        x = CaseTensor(shape, scale=sx, zero_point=zx)
        return Case(name, {"Alpha": alpha}, (x,), (CaseTensor(shape, scale=sy, zero_point=zy),))

    yield i8("same_quantisation", 0.1, 0.05, -20, 0.05, -20)
    yield i8("requantised", 0.3, 0.05, 11, 0.03, -60)
    yield i8("requantised_up", 0.01, 0.013, 90, 0.1, 5)
    yield i8("saturating", 0.2, 3.0, 40, 0.01, -7, (256,))
    yield i8("alpha_0", 0.0, 0.04, 3, 0.04, -128, (16, 16))
    yield i8("alpha_negative", -0.5, 0.04, 3, 0.05, 1, (16, 16))
    yield i8("alpha_above_1", 3.0, 0.04, 3, 0.09, 1, (1, 16, 16))

    def f32(name: str, alpha: float) -> Case:
        x = CaseTensor((1, 4, 5, 3), DType.FLOAT32, low=-9, high=9)
        return Case(name, {"Alpha": alpha}, (x,), (CaseTensor((1, 4, 5, 3), DType.FLOAT32),), tolerance=1e-6)

    yield f32("float", 0.3)
    yield f32("float_alpha_above_1", 2.5)


SPEC = OpSpec(
    name="LEAKY_RELU",
    options="LeakyReluOptions",
    arity=(1, 1),
    read=read,
    infer=infer,
    reference=reference,
    access=ew.access_same,
    lower=lower,
    cases=cases,
    summary="x where positive, alpha * x elsewhere",
)
