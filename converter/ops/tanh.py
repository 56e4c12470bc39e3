"""TANH. int8: a table (tm/lut.h); float32: tm/tanh.h. Numerics: _sigmoid.py."""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.ir import DType, NodeView
from tinyml.ops import _elementwise as ew
from tinyml.ops import _sigmoid
from tinyml.opspec import Case, CaseTensor, FixedRange, OpSpec


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    if not n.is_float:
        ew.float_table(n.x, n.y, _sigmoid.tanh)  # refuses scales it can not compute with
    return shapes


def cases() -> Iterable[Case]:
    def i8(name: str, sx: float, zx: int, sy: float = 1 / 128, zy: int = 0, shape: tuple[int, ...] = (1, 16, 16, 3)) -> Case:
        return Case(name, {}, (CaseTensor(shape, scale=sx, zero_point=zx),), (CaseTensor(shape, scale=sy, zero_point=zy),))

    yield i8("usual", 0.05, 0)
    yield i8("negative_zero_point", 0.02, -128)
    yield i8("positive_zero_point", 0.03, 127, shape=(256,))
    yield i8("steep", 9.0, 3, shape=(16, 16))
    yield i8("flat", 1e-5, 60, shape=(1, 1, 300))
    yield i8("other_output", 0.03, 5, 0.2, 100)
    yield i8("saturating", 0.03, 5, 0.001, -30)
    for name, reach in (("float", 2.0), ("float_wide", 60.0), ("float_tiny", 1e-3)):
        x = CaseTensor((1, 5, 6, 7), DType.FLOAT32, low=-reach, high=reach)
        yield Case(name, {}, (x,), (CaseTensor((1, 5, 6, 7), DType.FLOAT32),), tolerance=1e-6)


SPEC = OpSpec(
    name="TANH",
    options=None,
    arity=(1, 1),
    read=ew.read_none,
    infer=infer,
    reference=lambda n, arrays: _sigmoid.reference(n, arrays[0], _sigmoid.tanh),
    access=ew.access_same,
    lower=lambda n, low: _sigmoid.lower(n, low, "tanh", _sigmoid.tanh),
    cases=cases,
    int8_output=FixedRange(1 / 128, 0),
    summary="hyperbolic tangent",
)
