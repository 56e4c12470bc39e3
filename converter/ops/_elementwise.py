"""What the element-wise operators share: operands, checks, the 256-entry table and the clamp kernel.

An int8 operator of one variable is a function of 256 values: it is computed here for all of them at compile time, with the
reference's exact arithmetic, and becomes one look-up per element in tm_lut_i8 (tm/lut.h).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.numerics import quantize_multiplier
from tinyml.ops._line import line_of
from tinyml.opspec import (
    Access,
    Arg,
    Elementwise,
    Geom,
    KernelCall,
    Lowering,
    Options,
    Ref,
    Table,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import least

ALL_INT8 = np.arange(-128, 128, dtype=np.int64)
LUT_INSTRUCTIONS, LINE_INSTRUCTIONS = 7.0, 14.0  # an element


@dataclass(frozen=True)
class NoAttrs:
    """The operator has no options."""

    def check(self, n: NodeView) -> None:
        pass


def read_none(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> NoAttrs:
    return NoAttrs()


def require_quant(*tensors: Tensor) -> None:
    """Every quantised tensor has exactly one scale and zero point."""
    for t in tensors:
        require(t.quant is not None, f"{t.dtype.value} tensor without quantisation parameters")
        assert t.quant is not None
        supported(len(t.quant.scale) == 1 and len(t.quant.zero_point) == 1, "per-channel quantised activations")


def infer_same(n: NodeView) -> tuple[tuple[int, ...], ...]:
    """int8 -> int8 or float32 -> float32, output shape equal to the input's."""
    x, y = n.x, n.y
    supported(x.dtype == y.dtype, f"input {x.dtype.value} with output {y.dtype.value}")
    supported(x.dtype in (DType.INT8, DType.FLOAT32), f"{x.dtype.value} activations")
    if x.dtype is DType.INT8:
        require_quant(x, y)
    return (x.shape,)


def access_same(n: NodeView) -> tuple[Access, ...]:
    return (Elementwise(),)


def float32_product(what: str, *factors: float, over: float = 1.0) -> float:
    """factors multiplied left to right, then divided by `over`, each step rounded to float32 as LiteRT does it."""
    out = np.float32(factors[0])
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for f in factors[1:]:
            out = np.float32(out * np.float32(f))
        out = np.float32(out / np.float32(over))
    supported(bool(np.isfinite(out)), f"{what} is out of range")
    return float(out)


def multiplier(what: str, real: float) -> tuple[int, int]:
    """quantize_multiplier of a finite number, which may be negative. LiteRT shifts out of range from 2^30 on."""
    supported(abs(real) < 1 << 30, f"{what} is out of range")
    mult, shift = quantize_multiplier(abs(real))
    return (mult if real >= 0 else -mult), shift


def round_away(v: np.ndarray) -> np.ndarray:
    """C's round() of float32 or float64 values: halves away from zero, as float64."""
    v = np.asarray(v, np.float64)
    return np.copysign(np.floor(np.abs(v) + 0.5), v)


def float_table(x: Tensor, y: Tensor, f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """int8 values of f over all int8 inputs, ascending, by LiteRT's float32 table arithmetic (PopulateLookupTable).
    f maps float32 to float32. Values beyond the output's range saturate."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        real = np.float32(x.scale) * (ALL_INT8 - x.zero_point).astype(np.float32)
        inverse = np.float32(1.0) / np.float32(y.scale)
        supported(bool(np.isfinite(inverse)), "output scale is too small")
        scaled = round_away(f(real).astype(np.float32) * inverse)
    return np.clip(scaled + y.zero_point, -128, 127).astype(np.int8)


# ---------------------------------------------------------------- numpy

def apply_table(ascending: np.ndarray, x: np.ndarray) -> np.ndarray:
    """ascending[k] is the result for the input value min + k of x's 8-bit type."""
    return ascending[x.astype(np.int16) - np.iinfo(x.dtype).min]


# ---------------------------------------------------------------- lowering

def operand(t: Tensor, low: Lowering) -> tuple[Arg, Geom]:
    """The pointer and geometry of a tensor that may be constant."""
    if t.data is not None:
        return Table("const", np.ascontiguousarray(t.data)), Geom.dense(*hwc(t.shape))
    return Ref(t.id), low.geom(t)


def lut_call(x: Tensor, y: Tensor, ascending: np.ndarray, low: Lowering) -> tuple[KernelCall, ...]:
    """y = table[x] for 8-bit x and y; `ascending` as for apply_table. The kernel indexes by the byte's unsigned value. Of int8 values whose
    table is a line, its numbers instead where the table's bytes are not worth the time that they save."""
    order = np.arange(256, dtype=np.uint8).view(x.dtype.numpy)
    by_byte = apply_table(ascending.astype(y.dtype.numpy), order).view(np.uint8)
    source, geom = operand(x, low)
    geoms = (("in", geom), ("out", low.geom(y)))
    table = KernelCall("tm_lut_i8", "lut", "tm_lut_i8_params", geoms, (source, Table("lut", by_byte, "table"), Ref(y.id), None))
    line = line_of(ascending) if x.dtype is y.dtype is DType.INT8 else None
    if line is None:
        return (table,)
    numbers = (("mult", line.mult), ("add", line.add), ("shift", line.shift), ("clamp_lo", line.lo), ("clamp_hi", line.hi))
    few = KernelCall("tm_line_i8", "line", "tm_line_i8_params", (*geoms, *numbers), (source, Ref(y.id), None))
    return least(low, ((table,), LUT_INSTRUCTIONS * y.elements), ((few,), LINE_INSTRUCTIONS * y.elements))


def clip_call(n: NodeView, low: Lowering, lo: float, hi: float) -> tuple[KernelCall, ...]:
    """y = clamp(x) where both have the same type and quantisation."""
    kernel = "tm_clip_f32" if n.is_float else "tm_clip_i8"
    source, geom = operand(n.x, low)
    return (
        KernelCall(
            kernel, "clip", f"{kernel}_params",
            (("in", geom), ("out", low.geom(n.y)), ("clamp_lo", lo), ("clamp_hi", hi)),
            (source, Ref(n.y.id), None),
        ),
    )  # fmt: skip


def float_call(op: str, n: NodeView, low: Lowering, **params: float) -> tuple[KernelCall, ...]:
    """tm_<op>_f32 on a dense or strided float tensor."""
    source, geom = operand(n.x, low)
    fields = (("in", geom), ("out", low.geom(n.y)), *params.items())
    return (KernelCall(f"tm_{op}_f32", op, f"tm_{op}_f32_params", fields, (source, Ref(n.y.id), None)),)
