"""QUANTIZE: float32 -> int8 or uint8 (tm/quantize.h), and 8-bit -> 8-bit with other parameters (a table, tm/lut.h); the same to
and from values of 4 and 2 bits (tm/quantize_packed.h, tm/lut_packed.h).

Numerics: LiteRT reference_ops::AffineQuantize (float32 division, halves away from zero) and Requantize (two roundings).
Where LiteRT's conversion to int32 is undefined – NaN, |x / scale| >= 2^31 – the result here saturates, and NaN gives the
lowest value of the output's type.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.numerics import INTEGERS, RANGE, requant, same_quant
from tinyml.ops import _elementwise as ew
from tinyml.ops import _packed
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, Table, supported

NARROW = (DType.UINT8, *INTEGERS)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    supported(n.y.dtype in NARROW, f"output {n.y.dtype.value}")
    supported(n.x.dtype in (*NARROW, DType.FLOAT32), f"input {n.x.dtype.value}")
    if _packed.is_packed(n):
        supported(DType.UINT8 not in (n.x.dtype, n.y.dtype) and not n.x.is_const, "uint8 or a constant with less than 8 bits")
    ew.require_quant(n.y)
    if n.x.dtype in NARROW:
        ew.require_quant(n.x)
        _table(n)  # refuses scales whose quotient is out of range
    return (n.x.shape,)


def _table(n: NodeView) -> np.ndarray:
    """Results for all values of the input's type, ascending."""
    lo, hi = RANGE[n.x.dtype]
    q = np.arange(lo, hi + 1) - n.x.zero_point
    by = ew.multiplier("input scale / output scale", n.x.scale / n.y.scale)
    return np.clip(requant(q, *by) + n.y.zero_point, *RANGE[n.y.dtype]).astype(n.y.dtype.numpy)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, y = arrays[0], n.y
    assert x is not None
    if n.x.dtype in NARROW:
        return (_table(n)[x.astype(np.int16) - RANGE[n.x.dtype][0]],)
    return from_float(x, y)


def from_float(x: np.ndarray, y: Tensor) -> tuple[np.ndarray, ...]:
    lo, hi = RANGE[y.dtype]
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        v = np.nan_to_num(x / np.float32(y.scale), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        v = np.clip(v, np.float32(lo - y.zero_point), np.float32(hi - y.zero_point))
    return ((ew.round_away(v) + y.zero_point).astype(y.dtype.numpy),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if _packed.is_packed(n):
        return (_packed_call(n, low),)
    if n.x.dtype in NARROW:
        return ew.lut_call(n.x, n.y, _table(n), low)
    source, geom = ew.operand(n.x, low)
    lo, hi = RANGE[n.y.dtype]
    return (
        KernelCall(
            "tm_quantize_f32", "quantize", "tm_quantize_f32_params",
            (
                ("in", geom), ("out", low.geom(n.y)), ("scale", n.y.scale), ("zero_point", n.y.zero_point),
                ("clamp_lo", lo), ("clamp_hi", hi),
            ),
            (source, Ref(n.y.id), None),
        ),
    )  # fmt: skip


def _packed_call(n: NodeView, low: Lowering) -> KernelCall:
    """To or from values of 4 or 2 bits."""
    lo, hi = RANGE[n.y.dtype]
    c = hwc(n.y.shape)[2]
    geoms = (("in", low.geom(n.x)), ("out", low.geom(n.y)), ("c", c))
    if n.x.dtype is DType.FLOAT32:
        own = (("bits", n.y.dtype.bits), ("scale", n.y.scale), ("zero_point", n.y.zero_point), ("clamp_lo", lo), ("clamp_hi", hi))
        args = (Ref(n.x.id), Ref(n.y.id), None)
        return KernelCall("tm_quantize_packed", "quantize_packed", "tm_quantize_packed_params", (*geoms, *own), args)
    values, half = _table(n), 1 << (n.x.dtype.bits - 1)
    by_code = Table("lut", np.concatenate([values[half:], values[:half]]), "table")
    params = (*geoms, ("in_bits", n.x.dtype.bits), ("out_bits", n.y.dtype.bits))
    return KernelCall("tm_lut_packed", "lut_packed", "tm_lut_packed_params", params, (Ref(n.x.id), by_code, Ref(n.y.id), None))


def cases() -> Iterable[Case]:
    def to_byte(name: str, scale: float, zp: int, reach: float, dtype: DType = DType.INT8, shape=(1, 7, 5, 9), data=None) -> Case:
        x = CaseTensor(shape, DType.FLOAT32, low=-reach, high=reach, data=data)
        return Case(name, {}, (x,), (CaseTensor(shape, dtype, scale=scale, zero_point=zp),))

    yield to_byte("float", 0.05, 3, 7.0)
    yield to_byte("float_lowest_zero_point", 1 / 255, -128, 1.0)
    yield to_byte("float_saturating", 0.01, 100, 1e6)
    yield to_byte("float_vector", 0.7, -60, 60.0, shape=(300,))
    yield to_byte("float_power_of_two", 0.25, 0, 20.0)
    ties = np.arange(-140, 140, dtype=np.float32) * 0.5
    around = np.concatenate([ties, np.nextafter(ties, np.float32(-1e9)), np.nextafter(ties, np.float32(1e9))])
    yield to_byte("float_ties", 1.0, -7, 1.0, shape=(840,), data=around)
    yield to_byte("float_to_uint8", 0.05, 130, 7.0, DType.UINT8)

    def byte(name: str, sx: float, zx: int, sy: float, zy: int, x=DType.INT8, y=DType.INT8, shape=(1, 16, 16, 2)) -> Case:
        return Case(name, {}, (CaseTensor(shape, x, scale=sx, zero_point=zx),), (CaseTensor(shape, y, scale=sy, zero_point=zy),))

    yield byte("same", 0.1, 4, 0.1, 4)
    yield byte("coarser", 0.03, -20, 0.1, 11)
    yield byte("finer", 0.1, 127, 0.013, -128, shape=(256,))
    yield byte("much_finer", 3.0, 1, 1e-7, 5)
    yield byte("much_coarser", 1e-9, 100, 3.0, -5, shape=(16, 16))
    yield byte("doubled", 0.5, 0, 1.0, 0)
    yield byte("uint8_to_int8", 0.02, 128, 0.02, 0, x=DType.UINT8)
    yield byte("uint8_to_int8_rescaled", 0.02, 77, 0.031, -9, x=DType.UINT8)
    yield byte("int8_to_uint8", 0.02, -5, 0.017, 140, y=DType.UINT8)


SPEC = OpSpec(
    name="QUANTIZE",
    options="QuantizeOptions",
    arity=(1, 1),
    read=ew.read_none,
    infer=infer,
    reference=reference,
    access=lambda n: (_packed.row_by_row(n, n.x),),
    lower=lower,
    cases=cases,
    dtypes=("float32 to int8", "int8 to int8", "uint8", "to and from int4, int2"),
    is_noop=lambda n: n.x.shape == n.y.shape and same_quant(n.x, n.y),
    edge=True,
    summary="float32 or 8-bit values to 8-bit values of another scale",
)
