"""SOFTMAX of int16 values, output scale 1/32768 and zero point 0. Kernel: tm/softmax_i16.h.

Numerics: LiteRT reference_ops::SoftmaxInt16 and its tables (LUTPopulate of 16-bit values): exp over -10..0 and 1 / (1 + x) over 0..1,
513 entries each, moved by half of what linear interpolation errs by in the middle between two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import quantize_multiplier
from tinyml.numerics import requant as requant_twice
from tinyml.op_types import TypeSupport
from tinyml.ops import _elementwise as ew
from tinyml.ops import softmax
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, FixedRange, KernelCall, Lowering, OpSpec, Ref, Table, require, supported

STEPS = 512
SPAN = 65535  # of int16 values, and of the scaled differences
REACH = 10.0  # exp(-10) is as good as nothing


def _round(v: float) -> float:
    return math.copysign(math.floor(abs(v) + 0.5), v)


def _table(first: float, last: float, f: Callable[[float], float]) -> np.ndarray:
    """int16 [513] of f from `first` to `last`, in 1/32767.5."""
    step, per_unit = (last - first) / STEPS, 65536 / (2.0 / SPAN * 32767 + 2.0 / SPAN * 32768)
    out = []
    for k in range(STEPS):
        here, middle, after = (f(first + k * step + part) for part in (0.0, step / 2, step))
        after = f(first + (k + 1) * step)
        sample = _round(here * per_unit)
        error = _round((after * per_unit + sample) / 2) - _round(middle * per_unit)
        out.append(sample - _round(error / 2))
    out.append(_round(f(last) * per_unit))
    return np.clip(out, -32768, 32767).astype(np.int16)


@cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """exp, and 1 / (1 + x)."""
    per_step, unit = REACH / SPAN, 1.0 / SPAN
    exp = _table(per_step * (-32768 - 32767), per_step * (32767 - 32767), math.exp)
    return exp, _table(unit * (-32768 + 32768), unit * (32767 + 32768), lambda x: 1.0 / (1.0 + x))


def _look_up(v: np.ndarray, table: np.ndarray) -> np.ndarray:
    at, wide = 256 + (v >> 7), table.astype(np.int64)
    return wide[at] + (((wide[at + 1] - wide[at]) * (v & 0x7F) + 64) >> 7)


def multiplier_of(n: NodeView) -> tuple[int, int]:
    real = n.x.scale * n.attrs.beta / (REACH / SPAN)
    supported(real < 1 << 15, "beta times the input scale is too large")
    return quantize_multiplier(real)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    require(len(n.x.shape) >= 1, "input is a scalar")
    for t in (n.x, n.y):
        supported(t.dtype is DType.INT16, f"{t.dtype.value} together with int16")
    ew.require_quant(n.x, n.y)
    supported(n.x.shape[-1] <= softmax.MAX_DEPTH, f"softmax over {n.x.shape[-1]} values, at most {softmax.MAX_DEPTH}")
    supported(abs(n.y.scale - 1 / 32768) <= 1e-7 and n.y.zero_point == 0, "int16 output not of scale 1/32768, zero point 0")
    multiplier_of(n)
    return (n.x.shape,)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    x, (exp, one_over) = arrays[0].astype(np.int64), tables()
    d = requant_twice(x - x.max(-1, keepdims=True), *multiplier_of(n))
    e = _look_up(np.clip(d, -SPAN, 0) + 32767, exp)
    total = e.sum(-1, keepdims=True)
    top = np.floor(np.log2(total)).astype(np.int64)  # its highest bit; exact, as total < 2^31
    scaled = ((total << (30 - top)) + (1 << 13)) >> 14
    r = _look_up(np.clip(scaled - (1 << 15) - (1 << 16), -32768, 32767), one_over)
    return (np.clip((e * r + (np.int64(1) << (top - 1))) >> top, 0, 32767).astype(np.int16),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    (source, geom), (mult, shift), (exp, one_over) = ew.operand(n.x, low), multiplier_of(n), tables()
    params = (
        ("in", geom), ("out", low.geom(n.y)), ("mult", mult), ("shift", shift),
        ("exp_table", Table("exp", exp, "table")), ("one_over_table", Table("one_over", one_over, "table")),
    )  # fmt: skip
    return (KernelCall("tm_softmax_i16", "softmax_i16", "tm_softmax_i16_params", params, (source, Ref(n.y.id), None)),)


def cases(own: OpSpec) -> Iterable[Case]:
    for case in _wide.int8_cases(own):
        if case.name != "beta_huge":
            made = _wide.plain_case(case)
            yield replace(made, outputs=(replace(made.outputs[0], scale=1 / 32768),))


SUPPORT = TypeSupport(
    "SOFTMAX", DType.INT16, infer, reference, lower, cases, _wide.DTYPES, fixed_output=FixedRange(1 / 32768, 0),
    c_limits=("int16: output scale 1/32768, zero point 0",),
)  # fmt: skip
