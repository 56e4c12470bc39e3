"""STRIDED_SLICE: y = x[begin : end : stride] per dimension, with the masks of the schema. Kernel: tm_copy_nd (tm/copy_nd.h).

Bit i of a mask belongs to entry i of begin/end/strides: begin_mask and end_mask leave that bound open, ellipsis_mask lets
the entry stand for all dimensions that no other names, new_axis_mask puts in a dimension of extent 1, shrink_axis_mask
takes the single index begin and drops the dimension. Negative bounds count from the end; bounds are clamped to the dimension,
as in LiteRT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import Loop, Move, copy_call, row_access
from tinyml.ops._operands import check_movable, checked_shape, const_ints, data_access
from tinyml.opspec import (
    Access,
    Case,
    CaseTensor,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    PartsOfInput,
    TiedRange,
    ViewRule,
    require,
    supported,
)  # fmt: skip


@dataclass(frozen=True)
class Attrs:
    begin: tuple[int, ...]  # per dimension of the input, the first index taken
    loops: tuple[Loop, ...]  # per dimension of the output; new dimensions have no source

    def check(self, n: NodeView) -> None:
        shape = n.x.shape
        require(len(self.begin) == len(shape), f"{len(self.begin)} indices for rank {len(shape)}")
        require(all(0 <= b < d for b, d in zip(self.begin, shape, strict=True)), f"indices {list(self.begin)} outside {list(shape)}")
        require([loop.dst for loop in self.loops] == list(range(len(self.loops))), "loops out of order")
        sources = [loop.src for loop in self.loops if loop.src is not None]
        require(sources == sorted(set(sources) & set(range(len(shape)))), f"loops over dimensions {sources[:9]} of rank {len(shape)}")
        for loop in self.loops:
            require(loop.extent > 0 and loop.step != 0 and (loop.src is not None or loop.extent == loop.step == 1), "an empty loop")
            last = 0 if loop.src is None else self.begin[loop.src] + loop.step * (loop.extent - 1)
            require(loop.src is None or 0 <= last < shape[loop.src], f"index {last} outside dimension {loop.src}")

    @property
    def move(self) -> Move:
        return Move(self.loops, self.begin, (0,) * len(self.loops))


def _bound(value: int, extent: int, stride: int, is_open: bool, is_end: bool) -> int:
    """A bound as an index; -1 and `extent` stand for one before the first and one behind the last."""
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    if is_open:
        return high if is_end == (stride > 0) else low
    return min(max(value + extent if value < 0 else value, low), high)


def _spread(entries: int, rank: int, ellipsis: int, new_axis: int) -> list[int | None]:
    """Per dimension of the input, then of new axes in their places: the entry that rules it (None: taken whole)."""
    require(ellipsis.bit_count() <= 1, "more than one ellipsis")
    added = sum(1 for i in range(entries) if new_axis >> i & 1 and not ellipsis >> i & 1)
    named = entries - added - (1 if ellipsis else 0)
    require(named <= rank, f"{named} dimensions are indexed, the input has {rank}")
    # LiteRT gives it the dimension of the entry behind it
    supported(not ellipsis or named < rank, "an ellipsis that stands for no dimension")
    order: list[int | None] = []
    for i in range(entries):
        order += [None] * (rank - named) if ellipsis >> i & 1 else [i]
    return order if ellipsis else order + [None] * (rank - named)


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    begins, ends, strides = (const_ints(t, what) for t, what in zip(inputs[1:], ("begin", "end", "strides"), strict=True))
    entries = len(begins)
    require(len(ends) == entries and len(strides) == entries, f"{entries} begins, {len(ends)} ends, {len(strides)} strides")
    require(all(strides), f"stride 0 in {list(strides)}")
    masks = [o.get(f"{name}Mask") for name in ("Begin", "End", "Ellipsis", "NewAxis", "ShrinkAxis")]
    begin_mask, end_mask, ellipsis, new_axis, shrink = (m & ((1 << entries) - 1) for m in masks)
    supported(not o.get("Offset"), "ends given as offsets from begin")
    first: list[int] = []
    loops: list[Loop] = []
    for i in _spread(entries, len(x.shape), ellipsis, new_axis):
        if i is not None and new_axis >> i & 1:
            loops.append(Loop(1, None, len(loops)))
            continue
        extent = x.shape[len(first)]
        if i is None:
            loops.append(Loop(extent, len(first), len(loops)))
            first.append(0)
            continue
        stride = strides[i]
        if shrink >> i & 1:
            supported(stride > 0, f"stride {stride} with a dropped dimension")
            at = 0 if begin_mask >> i & 1 else begins[i] + (extent if begins[i] < 0 else 0)
            require(0 <= at < extent, f"index {begins[i]} outside dimension {len(first)} of extent {extent}")
            first.append(at)
            continue
        at = _bound(begins[i], extent, stride, bool(begin_mask >> i & 1), is_end=False)
        end = _bound(ends[i], extent, stride, bool(end_mask >> i & 1), is_end=True)
        count = max(-((at - end) // stride), 0)
        loops.append(Loop(count, len(first), len(loops), stride))
        first.append(at)
    return Attrs(tuple(first), tuple(loops))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    check_movable(n.x, n.y)
    return (checked_shape(tuple(loop.extent for loop in n.attrs.loops)),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    y, a = arrays[0], n.attrs
    assert y is not None
    by_source = {loop.src: loop for loop in a.loops}
    for d, begin in enumerate(a.begin):
        loop = by_source.get(d, Loop(1, d, None))
        y = np.take(y, begin + loop.step * np.arange(loop.extent), d)
    return (y.reshape(n.y.shape),)


def access(n: NodeView) -> tuple[Access, ...]:
    return data_access(n, row_access(n.attrs.move, n.x, n.y))


def view(n: NodeView) -> ViewRule | None:
    a = n.attrs
    if n.x.is_const or [loop.src for loop in a.loops] != list(range(len(n.x.shape))):
        return None  # dimensions came or went
    return PartsOfInput((a.begin,)) if all(loop.step == 1 or loop.extent == 1 for loop in a.loops) else None


def is_noop(n: NodeView) -> bool:
    return n.x.shape == n.y.shape and all(loop.step == 1 or loop.extent == 1 for loop in n.attrs.loops) and same_quant(n.x, n.y)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return (copy_call(n.attrs.move, n.x, n.y, low),)


def cases() -> Iterable[Case]:
    def case(name, shape, begin, end, strides, out, dtype=DType.INT8, **masks):
        quant = {"scale": 0.05, "zero_point": 2} if dtype is DType.INT8 else {}
        ops = tuple(CaseTensor((len(v),), DType.INT32, data=np.array(v, np.int32)) for v in (begin, end, strides))
        options = {f"{k}Mask": v for k, v in masks.items()}
        return Case(name, options, (CaseTensor(shape, dtype, **quant), *ops), (CaseTensor(out, dtype, **quant),))

    yield case("box", (1, 6, 5, 4), (0, 1, 2, 1), (1, 4, 5, 3), (1, 1, 1, 1), (1, 3, 3, 2))
    yield case("every_second", (1, 7, 6, 3), (0, 0, 1, 0), (1, 7, 6, 3), (1, 2, 2, 1), (1, 4, 3, 3))
    yield case("channels_apart", (1, 3, 2, 10), (0, 0, 0, 1), (1, 3, 2, 10), (1, 1, 1, 3), (1, 3, 2, 3))
    yield case("negative_bounds", (4, 8), (-3, -6), (-1, -1), (1, 2), (2, 3))
    yield case("out_of_range_bounds", (4, 8), (-9, 2), (7, 100), (1, 1), (4, 6))
    yield case("reversed_rows", (1, 5, 3, 2), (0, 4, 0, 0), (1, -9, 3, 2), (1, -1, 1, 1), (1, 5, 3, 2))
    yield case("reversed_channels", (2, 3, 7), (0, 0, -1), (2, 3, 0), (1, 1, -2), (2, 3, 3))
    yield case("open_bounds", (5, 6), (3, 1), (2, 2), (1, 1), (5, 5), Begin=1, End=3)
    yield case("open_bounds_backwards", (5, 6), (3, 1), (2, 2), (-1, -2), (5, 3), Begin=3, End=3)
    yield case("shrink", (3, 4, 5), (1, 0, -1), (2, 4, 0), (1, 1, 1), (4,), ShrinkAxis=5)
    yield case("ellipsis", (2, 3, 4, 5), (1, 0, 1), (2, 0, 4), (1, 1, 1), (1, 3, 4, 3), Ellipsis=2)
    yield case("new_axis", (3, 4), (0, 1, 0), (0, 3, 4), (1, 1, 1), (1, 2, 4), NewAxis=1)
    yield case("fewer_entries", (3, 4, 2), (1,), (3,), (1,), (2, 4, 2))
    yield case("whole", (1, 3, 2), (0, 0, 0), (1, 3, 2), (1, 1, 1), (1, 3, 2))
    yield case("rank5", (2, 3, 2, 4, 3), (1, 0, 0, 3, 0), (2, 3, 2, 0, 3), (1, 2, 1, -1, 2), (1, 2, 2, 3, 2))
    yield case("float", (1, 6, 5, 4), (0, 1, 0, 0), (1, 6, 5, 4), (1, 2, 2, 1), (1, 3, 3, 4), DType.FLOAT32)
    yield case("int32_shape_arithmetic", (4,), (1,), (2,), (1,), (), DType.INT32, ShrinkAxis=1)
    yield case("int16_shape_arithmetic", (4,), (1,), (2,), (1,), (), DType.INT16, ShrinkAxis=1)


SPEC = OpSpec(
    name="STRIDED_SLICE",
    options="StridedSliceOptions",
    arity=(4, 4),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=view,
    is_noop=is_noop,
    int8_output=TiedRange(),
    summary="every n-th element of a box, forwards or backwards",
    c_limits=("rank 5", "constant bounds and strides", "ends not as offsets"),
)
