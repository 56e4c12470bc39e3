"""MAX_POOL_2D: maximum over the part of the window that lies inside the input.

Numerics: LiteRT reference_integer_ops::MaxPool, reference_ops::MaxPool.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.numerics import FLT_MAX, RANGE
from tinyml.ops import _pool
from tinyml.opspec import ANY_WIDTH, OpSpec, TiedRange


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x = arrays[0]
    assert x is not None
    lowest = -FLT_MAX if n.is_float else RANGE[n.x.dtype][0]
    y = np.full(n.y.shape[1:], lowest, x.dtype)
    for tap in _pool.taps(n, x, lowest):
        np.maximum(y, tap, out=y)
    return (np.clip(y, *n.attrs.clamp).astype(n.y.dtype.numpy)[None],)


SPEC = OpSpec(
    name="MAX_POOL_2D",
    options="Pool2DOptions",
    arity=(1, 1),
    read=_pool.read,
    infer=_pool.infer,
    reference=reference,
    access=_pool.access,
    lower=lambda n, low: _pool.lower(n, low, "max_pool_2d"),
    windowed=True,
    cases=_pool.cases,
    channels=_pool.channels,
    with_clamp=_pool.with_clamp,
    int8_output=TiedRange(),
    dtypes=ANY_WIDTH,
    summary="maximum over a window",
    c_limits=("batch 1",),
)
