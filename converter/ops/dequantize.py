"""DEQUANTIZE: y = scale * (q - zero_point), int8 or uint8 -> float32. Kernels: tm/dequantize.h.

Numerics: LiteRT reference_ops::Dequantize; the product has at most 32 significant bits, so one float32 multiplication
gives the same value as LiteRT's double, rounded.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView, hwc
from tinyml.numerics import INTEGERS, RANGE
from tinyml.ops import _elementwise as ew
from tinyml.ops import _packed
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, supported


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    supported(n.x.dtype in (DType.UINT8, *INTEGERS), f"input {n.x.dtype.value}")
    supported(n.y.dtype is DType.FLOAT32, f"output {n.y.dtype.value}")
    ew.require_quant(n.x)
    supported(not (n.x.dtype.packed and n.x.is_const), "constants of less than 8 bits")
    return (n.x.shape,)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    with np.errstate(over="ignore", under="ignore"):
        return ((x.astype(np.int32) - n.x.zero_point).astype(np.float32) * np.float32(n.x.scale),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if n.x.dtype.packed:
        lo, hi = RANGE[n.x.dtype]
        params = (
            ("in", low.geom(n.x)), ("out", low.geom(n.y)), ("c", hwc(n.x.shape)[2]), ("bits", n.x.dtype.bits),
            ("scale", n.x.scale), ("zero_point", n.x.zero_point), ("clamp_lo", lo), ("clamp_hi", hi),
        )  # fmt: skip
        args = (Ref(n.x.id), Ref(n.y.id), None)
        return (KernelCall("tm_dequantize_packed", "quantize_packed", "tm_quantize_packed_params", params, args),)
    source, geom = ew.operand(n.x, low)
    kernel = "tm_dequantize_i8" if n.x.dtype is DType.INT8 else "tm_dequantize_u8"
    return (
        KernelCall(
            kernel, "dequantize", "tm_dequantize_params",
            (("in", geom), ("out", low.geom(n.y)), ("scale", n.x.scale), ("zero_point", n.x.zero_point)),
            (source, Ref(n.y.id), None),
        ),
    )  # fmt: skip


def cases() -> Iterable[Case]:
    def case(name: str, scale: float, zp: int, shape: tuple[int, ...] = (1, 16, 16, 2), dtype: DType = DType.INT8) -> Case:
        return Case(name, {}, (CaseTensor(shape, dtype, scale=scale, zero_point=zp),), (CaseTensor(shape, DType.FLOAT32),))

    yield case("usual", 0.0472, 3)
    yield case("lowest_zero_point", 1 / 256, -128, (1, 10))
    yield case("highest_zero_point", 0.3, 127, (256,))
    yield case("tiny", 1e-30, 5, (16, 16))
    yield case("huge", 1e30, -77, (1, 3, 100))
    yield case("odd", 0.1, 0, (1, 3, 5, 7))
    yield case("uint8", 0.0213, 119, dtype=DType.UINT8)


SPEC = OpSpec(
    name="DEQUANTIZE",
    options="DequantizeOptions",
    arity=(1, 1),
    read=ew.read_none,
    infer=infer,
    reference=reference,
    access=lambda n: (_packed.row_by_row(n, n.x),),
    lower=lower,
    cases=cases,
    dtypes=("int8 to float32", "uint8 to float32"),
    edge=True,
    summary="8-bit values to float32",
)
