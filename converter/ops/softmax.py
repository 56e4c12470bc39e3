"""SOFTMAX over the last dimension: y[c] = exp(beta * (x[c] - max)) / sum. Kernels: tm/softmax.h.

Numerics: LiteRT reference_ops::Softmax. int8: fixed-point exponentials (_exp_table.py), from a table where there are many
values; their sum with 12 integer bits, its reciprocal by three Newton steps, output scale 1/256 and zero point -128. LiteRT
aborts where the sum is 512 times the largest exponential or more and a value would be less than half a step; here those
values are -128.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import FLT_MAX, INT32_MAX, rdivpot, srdhm
from tinyml.ops import _elementwise as ew
from tinyml.ops._exp_table import exp_scaling, exp_table
from tinyml.opspec import (
    Access,
    Case,
    CaseTensor,
    FixedRange,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Ref,
    Table,
    Window,
    require,
    supported,
)  # fmt: skip
from tinyml.variants import least

MAX_DEPTH = 4095  # 4096 equal values would overflow the 12 integer bits of the sum


@dataclass(frozen=True)
class Attrs:
    beta: float  # finite, > 0; a float32 value

    def check(self, n: NodeView) -> None:
        require(0 < self.beta <= FLT_MAX, f"beta {self.beta}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    beta = float(np.float32(o.get("Beta")))
    supported(bool(np.isfinite(beta)) and beta > 0, f"beta {beta}")
    return Attrs(beta)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    shapes = ew.infer_same(n)
    require(len(n.x.shape) >= 1, "input is a scalar")
    if not n.is_float:
        supported(n.x.shape[-1] <= MAX_DEPTH, f"int8 softmax over {n.x.shape[-1]} values, at most {MAX_DEPTH}")
        supported(abs(n.y.scale - 1 / 256) <= 1e-6 and n.y.zero_point == -128, "int8 output not of scale 1/256, zero point -128")
        exp_table(n.attrs.beta, n.x.scale)
    return shapes


def _reciprocal(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(r, e) with 1 / total ~ r * 2^-e, total in 1..2^31 as a number of 19 fractional bits, r of 31."""
    head = 31 - np.floor(np.log2(total)).astype(np.int64)  # leading zeros of 32 bits; total < 2^31 is exact in a double
    half = (total << head) >> 1  # total scaled to 1/2..1, 31 fractional bits
    x = 1515870810 + srdhm(half, -1010580540)  # 48/17 - 32/17 * half, 29 fractional bits
    for _ in range(3):
        x = x + (srdhm(x, (1 << 29) - srdhm(half, x)) << 2)
    return np.minimum(x << 1, INT32_MAX), 35 - head


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    if n.is_float:
        e = np.exp((x - x.max(-1, keepdims=True)) * np.float32(n.attrs.beta))
        return (e / e.sum(-1, keepdims=True, dtype=np.float32),)
    table = exp_table(n.attrs.beta, n.x.scale).astype(np.int64)
    wide = x.astype(np.int64)
    e = table[wide.max(-1, keepdims=True) - wide]
    scale, shift = _reciprocal(rdivpot(e, 12).sum(-1, keepdims=True))
    y = np.where(shift > 31, 0, rdivpot(srdhm(e, scale), np.minimum(shift, 31)))
    return (np.clip(y - 128, -128, 127).astype(np.int8),)


def access(n: NodeView) -> tuple[Access, ...]:
    """Rows are independent; within one, every value depends on all."""
    return (Window((1, 1), (1, 1), (0, 0)),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if n.is_float:
        return ew.float_call("softmax", n, low, beta=n.attrs.beta)
    source, geom = ew.operand(n.x, low)
    table = Table("exp", exp_table(n.attrs.beta, n.x.scale), "table")
    mult, left, radius = exp_scaling(n.attrs.beta, n.x.scale)
    params = (("in", geom), ("out", low.geom(n.y)))
    computed = (*params, ("mult", mult), ("left", left), ("radius", min(radius, 255)))
    looked_up = KernelCall("tm_softmax_i8", "softmax", "tm_softmax_i8_params", params, (source, table, Ref(n.y.id), None))
    slower = KernelCall("tm_softmax_i8_exp", "softmax", "tm_softmax_i8_exp_params", computed, (source, Ref(n.y.id), None))
    return least(low, ((looked_up,), 55.0 * n.x.elements), ((slower,), 250.0 * n.x.elements))


def cases() -> Iterable[Case]:
    def i8(name: str, shape: tuple[int, ...], scale: float, zp: int = 0, beta: float = 1.0) -> Case:
        y = CaseTensor(shape, scale=1 / 256, zero_point=-128)
        return Case(name, {"Beta": beta}, (CaseTensor(shape, scale=scale, zero_point=zp),), (y,))

    yield i8("ten_classes", (1, 10), 0.1, 20)
    yield i8("two_classes", (1, 2), 0.03, -128)
    yield i8("one_class", (3, 1), 0.03, -128)
    yield i8("sharp", (4, 12), 1.3)
    yield i8("one_hot", (4, 12), 90.0, 4)
    yield i8("smooth", (5, 30), 0.001, -4)
    yield i8("flat", (2, 7), 1e-6)
    yield i8("beta_half", (1, 17), 0.2, 5, 0.5)
    yield i8("beta_3", (1, 17), 0.05, 5, 3.0)
    yield i8("beta_huge", (1, 17), 1.0, 5, 1e20)
    yield i8("image", (1, 5, 6, 21), 0.07, 99)
    yield i8("batch", (3, 2, 4, 9), 0.09)
    yield i8("vector", (33,), 0.06)
    yield i8("deep", (2, 1001), 0.15, 3)
    yield i8("deep_flat", (1, 500), 0.0001, 3)
    yield i8("deepest", (1, 4095), 0.08, 3)

    def f32(name: str, shape: tuple[int, ...], reach: float, beta: float = 1.0) -> Case:
        x = CaseTensor(shape, DType.FLOAT32, low=-reach, high=reach)
        return Case(name, {"Beta": beta}, (x,), (CaseTensor(shape, DType.FLOAT32),), tolerance=1e-6)

    yield f32("float", (1, 10), 5.0)
    yield f32("float_wide", (1, 3, 4, 9), 200.0)
    yield f32("float_beta", (7, 30), 3.0, 0.4)


SPEC = OpSpec(
    name="SOFTMAX",
    options="SoftmaxOptions",
    arity=(1, 1),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    int8_output=FixedRange(1 / 256, -128),
    summary="softmax over the last dimension",
    c_limits=("int8: at most 4095 values, output scale 1/256, zero point -128",),
)
