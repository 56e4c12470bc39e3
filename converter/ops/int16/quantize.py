"""QUANTIZE to and from int16: float32 -> int16, and integers of 8 and 16 bits. Kernels: tm/quantize_i16.h.

Numerics: LiteRT reference_ops::AffineQuantize and Requantize (two roundings).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import RANGE, requant
from tinyml.op_types import TypeSupport
from tinyml.ops import _elementwise as ew
from tinyml.ops import quantize
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, supported

SHORT = {DType.INT8: "i8", DType.INT16: "i16"}


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    for t, kinds in ((n.x, (*SHORT, DType.FLOAT32)), (n.y, tuple(SHORT))):
        supported(t.dtype in kinds, f"{n.x.dtype.value} to {n.y.dtype.value}")
    ew.require_quant(n.y)
    if n.x.dtype in SHORT:
        ew.require_quant(n.x)
        multiplier_of(n)
    return (n.x.shape,)


def multiplier_of(n: NodeView) -> tuple[int, int]:
    return ew.multiplier("input scale / output scale", n.x.scale / n.y.scale)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    if n.x.dtype is DType.FLOAT32:
        return quantize.from_float(x, n.y)
    y = requant(x.astype(np.int64) - n.x.zero_point, *multiplier_of(n)) + n.y.zero_point
    return (np.clip(y, *RANGE[n.y.dtype]).astype(n.y.dtype.numpy),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    source, geom = ew.operand(n.x, low)
    ends, args = (("in", geom), ("out", low.geom(n.y))), (source, Ref(n.y.id), None)
    if n.x.dtype is DType.FLOAT32:
        lo, hi = RANGE[n.y.dtype]
        params = (*ends, ("scale", n.y.scale), ("zero_point", n.y.zero_point), ("clamp_lo", lo), ("clamp_hi", hi))
        return (KernelCall("tm_quantize_f32_i16", "quantize_i16", "tm_quantize_f32_params", params, args),)
    mult, shift = multiplier_of(n)
    own = (("in_zero_point", n.x.zero_point), ("mult", mult), ("shift", shift), ("out_zero_point", n.y.zero_point))
    name = f"tm_quantize_{SHORT[n.x.dtype]}_{SHORT[n.y.dtype]}"
    return (KernelCall(name, "quantize_i16", "tm_quantize_wide_params", (*ends, *own), args),)


def cases(own: OpSpec) -> Iterable[Case]:
    def case(name: str, x: CaseTensor, y: CaseTensor) -> Case:
        return Case(f"int16_{name}", {}, (x,), (y,))

    def tensor(dtype: DType, scale: float, zero_point: int = 0, shape: tuple[int, ...] = (1, 9, 8, 7)) -> CaseTensor:
        return CaseTensor(shape, dtype, scale=float(np.float32(scale)), zero_point=zero_point)

    i8, i16 = DType.INT8, DType.INT16
    for name, scale, reach in (("float", 0.0003, 12.0), ("float_power_of_two", 2.0**-11, 16.0), ("float_saturating", 1e-5, 1.0)):
        x = CaseTensor((1, 9, 8, 7), DType.FLOAT32, low=-reach, high=reach)
        yield case(name, x, tensor(i16, scale))
    ties = np.arange(-280, 280, dtype=np.float32) * 0.5
    around = np.concatenate([ties, np.nextafter(ties, np.float32(-1e9)), np.nextafter(ties, np.float32(1e9))])
    yield case("float_ties", CaseTensor((1680,), DType.FLOAT32, data=around), tensor(i16, 1.0, shape=(1680,)))
    yield case("float_zero_point", CaseTensor((1, 9, 8, 7), DType.FLOAT32, low=-3, high=3), tensor(i16, 0.0001, 9000))
    yield case("from_int8", tensor(i8, 0.05, 3), tensor(i16, 0.0003))
    yield case("from_int8_coarser", tensor(i8, 0.0005, -128), tensor(i16, 0.003))
    yield case("from_int8_saturating", tensor(i8, 1.0, 127), tensor(i16, 0.0001))
    yield case("to_int8", tensor(i16, 0.0003), tensor(i8, 0.05, -7))
    yield case("to_int8_saturating", tensor(i16, 0.01), tensor(i8, 0.05, 11))
    yield case("to_int8_doubled", tensor(i16, 0.5), tensor(i8, 1.0))
    yield case("zero_points", tensor(i16, 0.0003, -500), tensor(i8, 0.05, 127))
    yield case("finer", tensor(i16, 0.0007), tensor(i16, 0.0003))
    yield case("coarser", tensor(i16, 0.0003), tensor(i16, 0.0007))
    yield case("same", tensor(i16, 0.0003), tensor(i16, 0.0003))
    yield case("vector", tensor(i16, 0.0003, shape=(65,)), tensor(i16, 0.00017, shape=(65,)))


SUPPORT = TypeSupport("QUANTIZE", DType.INT16, infer, reference, lower, cases, ("to and from int16",))
