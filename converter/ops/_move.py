"""Pure data movement as one loop nest: what PAD, CONCATENATION, SPLIT, SLICE, STRIDED_SLICE, TRANSPOSE and the reshapes
share. All of them lower to tm_copy_nd_b<element bytes> (tm/copy_nd.h) and tm_fill_nd_b<element bytes> (tm/fill_nd.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir import Tensor, hwc
from tinyml.ops._operands import MAX_RANK
from tinyml.opspec import Access, Arg, Geom, KernelCall, Lowering, Ref, RowMap, Table, Whole

MAX_MAPPED_ROWS = 1 << 16  # above, an exact row map costs more than it can bring


@dataclass(frozen=True)
class Loop:
    """`extent` steps along dimension `dst` of the output and `step` times as fast along dimension `src` of the input;
    None where the loop does not move there."""

    extent: int
    src: int | None
    dst: int | None
    step: int = 1


@dataclass(frozen=True)
class Move:
    """output[dst_begin + i] = input[src_begin + step * i] for all i of the loop nest, outermost loop first."""

    loops: tuple[Loop, ...]
    src_begin: tuple[int, ...]
    dst_begin: tuple[int, ...]


def box(shape: Sequence[int], src_begin: Sequence[int] | None = None, dst_begin: Sequence[int] | None = None) -> Move:
    """A box of `shape` moved between two tensors of the same rank."""
    zeros = (0,) * len(shape)
    loops = tuple(Loop(extent, d, d) for d, extent in enumerate(shape))
    return Move(loops, tuple(src_begin or zeros), tuple(dst_begin or zeros))


def element_strides(shape: tuple[int, ...], g: Geom) -> tuple[int, ...]:
    """Distance in elements between neighbours along each dimension; outer dimensions are folded rows (ir.hwc)."""
    strides = [1, g.px_stride, g.row_stride][: len(shape)]
    while len(strides) < len(shape):
        strides.append(strides[-1] * shape[-len(strides)])
    return tuple(reversed(strides))


def _row_steps(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many rows of the folded [H,W,C] one step along each dimension is."""
    return element_strides(shape, Geom(0, 0, 0, 1, 0))[:-2] + (0,) * min(len(shape), 2)


# ---------------------------------------------------------------- access

def row_access(m: Move, src: Tensor, dst: Tensor) -> Access:
    """Which input rows each output row reads. Output rows outside the move read none: (r, r)."""
    h_in, h_out = hwc(src.shape)[0], hwc(dst.shape)[0]
    if max(h_in, h_out) > MAX_MAPPED_ROWS:
        return Whole()
    in_steps, out_steps = _row_steps(src.shape), _row_steps(dst.shape)
    first = np.array([sum(b * s for b, s in zip(m.src_begin, in_steps, strict=True))])
    out = np.array([sum(b * s for b, s in zip(m.dst_begin, out_steps, strict=True))])
    below = above = 0  # rows reached by loops that stay in one output row
    for loop in m.loops:
        i = 0 if loop.src is None else in_steps[loop.src] * loop.step
        o = 0 if loop.dst is None else out_steps[loop.dst]
        if o == 0 and i != 0:
            reach = (loop.extent - 1) * i
            below, above = below + min(reach, 0), above + max(reach, 0)
        elif o != 0:
            k = np.arange(loop.extent)
            first = (first[:, None] + k * i).reshape(-1)
            out = (out[:, None] + k * o).reshape(-1)
    begin, end = np.full(h_out, -1), np.full(h_out, -1)
    begin[out], end[out] = first + below, first + above + 1
    rows, last = [], 0
    for b, e in zip(begin.tolist(), end.tolist(), strict=True):
        rows.append((last, last) if b < 0 else (b, e))
        last = last if b < 0 else e
    if all(r == (0, h_in) for r in rows):
        return Whole()
    return RowMap(tuple(rows))


# ---------------------------------------------------------------- lowering

def _coalesced(loops: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Loops (extent, strides...) without those of one step, neighbours that walk on seamlessly merged."""
    out: list[tuple[int, ...]] = []
    for loop in loops:
        if loop[0] == 1:
            continue
        if out and all(outer == inner * loop[0] for outer, inner in zip(out[-1][1:], loop[1:], strict=True)):
            out[-1] = (out[-1][0] * loop[0], *loop[1:])
        else:
            out.append(loop)
    assert len(out) <= MAX_RANK
    filler = (1, *(0,) * (len(loops[0]) - 1 if loops else 2))
    return [filler] * (MAX_RANK - len(out)) + out


def _offset(begin: tuple[int, ...], strides: tuple[int, ...]) -> int:
    return sum(b * s for b, s in zip(begin, strides, strict=True))


def copy_call(m: Move, src: Tensor, dst: Tensor, low: Lowering) -> KernelCall:
    """The kernel call of one move. A constant source is laid out as the loop nest reads it."""
    out_strides = element_strides(dst.shape, low.geom(dst))
    in_strides = element_strides(src.shape, Geom.dense(*hwc(src.shape)) if src.is_const else low.geom(src))
    steps = [0 if loop.src is None else in_strides[loop.src] * loop.step for loop in m.loops]
    source: Arg = Ref(src.id, _offset(m.src_begin, in_strides))
    if src.data is not None:
        flat = np.ascontiguousarray(src.data).reshape(-1)[_offset(m.src_begin, in_strides) :]
        extents = [loop.extent for loop in m.loops]
        moved = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, extents, [s * flat.itemsize for s in steps], writeable=False))
        source, steps = Table("values", moved.reshape(-1)), [s // flat.itemsize for s in moved.strides]
    nest = _coalesced(
        [
            (loop.extent, step, 0 if loop.dst is None else out_strides[loop.dst])
            for loop, step in zip(m.loops, steps, strict=True)
        ]
    )
    dims, in_stride, out_stride = zip(*nest, strict=True)
    return KernelCall(
        f"tm_copy_nd_b{dst.dtype.bytes}", "copy_nd", "tm_copy_nd_params",
        (("dims", dims), ("in_stride", in_stride), ("out_stride", out_stride)),
        (source, Ref(dst.id, _offset(m.dst_begin, out_strides))),
    )  # fmt: skip


def fill_call(begin: tuple[int, ...], shape: tuple[int, ...], value: int, dst: Tensor, low: Lowering) -> KernelCall:
    """dst[begin : begin + shape] = value (the bit pattern of one element as int32)."""
    strides = element_strides(dst.shape, low.geom(dst))
    dims, out_stride = zip(*_coalesced(list(zip(shape, strides, strict=True)) or [(1, 0)]), strict=True)
    return KernelCall(
        f"tm_fill_nd_b{dst.dtype.bytes}", "fill_nd", "tm_fill_nd_params",
        (("dims", dims), ("out_stride", out_stride), ("value", value)),
        (Ref(dst.id, _offset(begin, strides)),),
    )  # fmt: skip


def border_calls(begin: tuple[int, ...], shape: tuple[int, ...], value: int, dst: Tensor, low: Lowering) -> tuple[KernelCall, ...]:
    """Fills everything of `dst` outside dst[begin : begin + shape]: per dimension what lies before and behind, over
    the full extent of the dimensions inside it."""
    calls = []
    for d, total in enumerate(dst.shape):
        for at, extent in ((0, begin[d]), (begin[d] + shape[d], total - begin[d] - shape[d])):
            if extent:
                corner = (*begin[:d], at, *(0,) * (len(shape) - d - 1))
                calls.append(fill_call(corner, (*shape[:d], extent, *dst.shape[d + 1 :]), value, dst, low))
    return tuple(calls)
