"""LOGISTIC: y = 1 / (1 + exp(-x)). int8: a table (tm/lut.h); float32: tm/logistic.h. Numerics: _sigmoid.py."""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.ir import DType, NodeView
from tinyml.ops import _elementwise as ew
from tinyml.ops import _sigmoid
from tinyml.opspec import Case, CaseTensor, FixedRange, OpSpec, supported


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    supported(n.is_float or n.y.scale == 1 / 256, "int8 output scale other than 1/256")
    return shapes


def cases() -> Iterable[Case]:
    def i8(name: str, sx: float, zx: int, zy: int = -128, shape: tuple[int, ...] = (1, 16, 16, 3)) -> Case:
        return Case(name, {}, (CaseTensor(shape, scale=sx, zero_point=zx),), (CaseTensor(shape, scale=1 / 256, zero_point=zy),))

    yield i8("usual", 0.05, 0)
    yield i8("negative_zero_point", 0.1, -128)
    yield i8("positive_zero_point", 0.07, 127, shape=(256,))
    yield i8("steep", 8.0, 3, shape=(16, 16))
    yield i8("overflowing_exp", 60.0, 0, shape=(1, 1, 300))
    yield i8("flat", 1e-5, 60)
    yield i8("vanishing", 1e-30, 1, shape=(256, 1))
    yield i8("other_output_zero_point", 0.06, -9, 3)
    for name, reach in (("float", 4.0), ("float_wide", 120.0), ("float_tiny", 1e-4)):
        x = CaseTensor((1, 5, 6, 7), DType.FLOAT32, low=-reach, high=reach)
        yield Case(name, {}, (x,), (CaseTensor((1, 5, 6, 7), DType.FLOAT32),), tolerance=1e-6)


SPEC = OpSpec(
    name="LOGISTIC",
    options=None,
    arity=(1, 1),
    read=ew.read_none,
    infer=infer,
    reference=lambda n, arrays: _sigmoid.reference(n, arrays[0], _sigmoid.logistic),
    access=ew.access_same,
    lower=lambda n, low: _sigmoid.lower(n, low, "logistic", _sigmoid.logistic),
    cases=cases,
    int8_output=FixedRange(1 / 256, -128),
    summary="sigmoid, 1 / (1 + exp(-x))",
    c_limits=("int8 output scale 1/256",),
)
