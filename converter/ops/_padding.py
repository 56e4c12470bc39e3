"""PAD and PADV2: x in the middle of an output whose border has one value. Kernels: tm_copy_nd, then tm_fill_nd per side.

Numerics: LiteRT pads int8 with the output's zero point (PAD) or with the operand as it is (PADV2); nothing is requantised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import check_clamp, same_quant
from tinyml.ops._move import border_calls, box, copy_call, row_access
from tinyml.ops._operands import check_boxes, data_access, in_units
from tinyml.opspec import Access, KernelCall, Lowering, PartsOfOutput, ViewRule, require, supported
from tinyml.packing import pack

MAX_PAD = 1 << 24  # per side; far above what fits any memory


@dataclass(frozen=True)
class Attrs:
    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int | float | None  # None: the output's zero point, or 0

    def check(self, n: NodeView) -> None:
        rank = len(n.x.shape)
        require(len(self.before) == len(self.after) == rank, f"paddings of {len(self.before)} dimensions for rank {rank}")
        require(all(0 <= v <= MAX_PAD for v in (*self.before, *self.after)), f"padding outside 0..{MAX_PAD}")
        if self.value is not None:
            check_clamp((self.value, self.value), n.y)


def read_pads(t: Tensor | None, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Elements before and after, per dimension, of the constant operand [rank,2]."""
    require(t is not None, "paddings are missing")
    assert t is not None
    supported(t.data is not None, "paddings are not constant")
    assert t.data is not None
    require(t.dtype in (DType.INT32, DType.INT64), f"paddings are {t.dtype.value}, not int32 or int64")
    require(t.shape == (rank, 2), f"paddings of shape {list(t.shape)} for rank {rank}")
    pads = [[int(v) for v in row] for row in t.data.reshape(rank, 2)]
    require(all(v >= 0 for row in pads for v in row), "negative padding")
    supported(all(v <= MAX_PAD for row in pads for v in row), f"padding above {MAX_PAD}")
    return tuple(row[0] for row in pads), tuple(row[1] for row in pads)


def _value(n: NodeView) -> int | float:
    if n.attrs.value is not None:
        return n.attrs.value
    return n.y.zero_point if _has_zero_point(n) else 0


def _has_zero_point(n: NodeView) -> bool:
    return n.y.dtype is DType.INT8 or n.y.dtype.packed


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    check_boxes(n.x, n.y)
    a = n.attrs
    return (tuple(b + e + f for b, e, f in zip(a.before, n.x.shape, a.after, strict=True)),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    y = np.full(n.y.shape, _value(n), n.y.dtype.numpy)
    y[tuple(slice(b, b + e) for b, e in zip(n.attrs.before, n.x.shape, strict=True))] = arrays[0]
    return (y,)


def access(n: NodeView) -> tuple[Access, ...]:
    """The border is written after the last read."""
    return data_access(n, row_access(box(n.x.shape, None, n.attrs.before), n.x, n.y))


def view(n: NodeView) -> ViewRule | None:
    return None if n.x.is_const else PartsOfOutput((n.attrs.before,))


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    x, y = in_units(n.x), in_units(n.y)
    copy = copy_call(box(x.shape, None, n.attrs.before), x, y, low)
    border = border_calls(n.attrs.before, x.shape, _bits(n), y, low)
    return (copy, *border)


def lower_rest(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    part = lower(n, low)
    return part if n.x.is_const else part[1:]


def _bits(n: NodeView) -> int:
    """The border's value as the fill kernel takes it: the bit pattern of a storage unit, sign-extended to int32."""
    if n.y.dtype is DType.FLOAT32:
        return int(np.array(_value(n), np.float32).view(np.int32))
    if n.y.dtype.packed:
        return int(pack(np.full(8, _value(n), np.int8), n.y.dtype)[0].astype(np.int8))
    return int(_value(n))


def is_noop(n: NodeView) -> bool:
    return n.x.shape == n.y.shape and same_quant(n.x, n.y)


def as_padding(n: NodeView) -> tuple[int, int, int, int] | None:
    """top, left, bottom, right where only H and W of an [N,H,W,C] tensor grow, by what stands for 0."""
    a = n.attrs
    if len(n.x.shape) != 4 or any((a.before[0], a.after[0], a.before[3], a.after[3])) or not same_quant(n.x, n.y):
        return None
    same = _value(n) == n.y.zero_point if _has_zero_point(n) else _bits(n) == 0  # bits: -0.0 is not 0.0
    if not same:
        return None
    return a.before[1], a.before[2], a.after[1], a.after[2]
