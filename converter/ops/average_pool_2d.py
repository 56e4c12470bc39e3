"""AVERAGE_POOL_2D: mean over the part of the window that lies inside the input.

Numerics: LiteRT reference_integer_ops::AveragePool: the sum of raw values divided by their number, halves away from
zero; reference_ops::AveragePool for floats.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import DType, NodeView, hwc
from tinyml.ops import _pool
from tinyml.ops._sum_rows import accumulator_bytes
from tinyml.opspec import ANY_WIDTH, Accumulator, KernelCall, Lowering, OpSpec, Ref, RowIndex, TiedRange


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, a = arrays[0], n.attrs
    assert x is not None
    acc = np.zeros(n.y.shape[1:], np.float32 if n.is_float else np.int32)
    for tap in _pool.taps(n, x, 0):
        acc += tap
    count = np.zeros((*n.y.shape[1:3], 1), np.int32)
    for tap in _pool.taps(n, np.ones((*x.shape[:3], 1), np.int32), 0):
        count += tap
    if n.is_float:
        y = acc / count.astype(np.float32)
    else:
        y = np.sign(acc) * ((np.abs(acc) + count // 2) // count)
    return (np.clip(y, *a.clamp).astype(n.y.dtype.numpy)[None],)


def sums(n: NodeView) -> bool:
    """One window, as large as the input."""
    h, w, _ = hwc(n.x.shape)
    return n.y.dtype is DType.INT8 and n.attrs.kernel == (h, w) and not any(n.attrs.pad) and hwc(n.y.shape)[:2] == (1, 1)


def lower_sum(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    h, _, _ = hwc(n.x.shape)
    params = (("in", low.geom(n.x)), ("rows", h), ("clamp_lo", n.attrs.clamp[0]), ("clamp_hi", n.attrs.clamp[1]))
    args = (Ref(n.x.id), Ref(n.y.id), Accumulator(), RowIndex())
    func = "tm_average_pool_2d_i8_rows"
    return (KernelCall(func, "sum_rows", f"{func}_params", params, args, accumulator_bytes=accumulator_bytes(n.x.shape)),)


SPEC = OpSpec(
    name="AVERAGE_POOL_2D",
    options="Pool2DOptions",
    arity=(1, 1),
    read=_pool.read,
    infer=_pool.infer,
    reference=reference,
    access=_pool.access,
    lower=lambda n, low: _pool.lower(n, low, "average_pool_2d"),
    sums=sums,
    lower_sum=lower_sum,
    windowed=True,
    cases=_pool.cases,
    channels=_pool.channels,
    with_clamp=_pool.with_clamp,
    int8_output=TiedRange(),
    dtypes=ANY_WIDTH,
    summary="average over a window, padding left out",
    c_limits=("batch 1",),
)
