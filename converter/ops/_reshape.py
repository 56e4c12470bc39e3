"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same elements in the same order under another shape. No code where input and output
may share their bytes, else one tm_copy_nd call (tm/copy_nd.h) from dense to dense.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import Loop, Move, copy_call
from tinyml.ops._operands import MAX_RANK, check_movable, data_access
from tinyml.opspec import Access, ChannelRules, Elementwise, KernelCall, Lowering, Reshaped, ViewRule, require, supported


@dataclass(frozen=True)
class Attrs:
    shape: tuple[int, ...]  # of the output

    def check(self, n: NodeView) -> None:
        require(all(d > 0 for d in self.shape), f"shape {list(self.shape)} has a dimension that is not positive")


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    if n.x.dtype.packed:
        _check_packed(n)
    else:
        check_movable(n.x, n.y)
    elements = 1
    for d in n.attrs.shape:
        elements *= d
    require(elements == n.x.elements, f"{n.x.elements} elements can not take the shape {list(n.attrs.shape)}")
    return (n.attrs.shape,)


def _check_packed(n: NodeView) -> None:
    """Values of 4 or 2 bits stay where they are only if pixels end with a whole byte, or keep their channels."""
    x, y = n.x, n.y
    require(x.dtype is y.dtype, f"{x.dtype.value} and {y.dtype.value} data mixed")
    ranks = (len(x.shape), len(y.shape))
    supported(not x.is_const and 0 < min(ranks) and max(ranks) <= MAX_RANK, f"{x.dtype.value} constant, or rank {max(ranks)}")
    whole = all(t.shape[-1] * t.dtype.bits % 8 == 0 for t in (x, y))
    supported(whole or x.shape[-1] == y.shape[-1], f"{x.dtype.value} pixels of {x.shape[-1]} values as such of {y.shape[-1]}")


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    return (arrays[0].reshape(n.attrs.shape),)


def access(n: NodeView) -> tuple[Access, ...]:
    return data_access(n, Elementwise())


def view(n: NodeView) -> ViewRule | None:
    return None if n.x.is_const else Reshaped()


def is_noop(n: NodeView) -> bool:
    return n.x.shape == n.y.shape and same_quant(n.x, n.y)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    size = n.x.bytes // n.x.dtype.bytes
    flat = (size,)

    def as_vector(t: Tensor) -> Tensor:
        data = None if t.data is None else t.data.reshape(flat)
        return Tensor(t.id, t.name, flat, DType.INT8 if t.dtype.packed else t.dtype, t.quant, data)

    return (copy_call(Move((Loop(size, 0, 0),), (0,), (0,)), as_vector(n.x), as_vector(n.y), low),)


def channels(n: NodeView) -> ChannelRules | None:
    """Where all extents but the last one are 1 on both sides."""
    if not n.x.shape or not n.y.shape or not n.x.elements == n.x.shape[-1] == n.y.shape[-1]:
        return None

    def without_outputs(n: NodeView, keep: np.ndarray) -> tuple[object, dict[int, Tensor]]:
        return replace(n.attrs, shape=(*n.attrs.shape[:-1], int(keep.sum()))), {}

    return ChannelRules(lambda n, lo, hi: (lo, hi), without_outputs, per_channel=True)
