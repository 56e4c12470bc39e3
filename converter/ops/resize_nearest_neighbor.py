"""RESIZE_NEAREST_NEIGHBOR: y[oy,ox] = x[row(oy), col(ox)]. Kernel: tm/resize_nearest_neighbor.h.

LiteRT finds row(oy) in float32: floor((oy + o) * scale), rounded (halves away from zero) instead of floored with align_corners;
o = 0.5 with half_pixel_centers, else 0; scale = in / out, (in - 1) / (out - 1) with align_corners; then clipped to the input.
We do the same at compile time and store the rows and columns as tables.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import same_quant
from tinyml.ops import _resize
from tinyml.ops._operands import data_access
from tinyml.opspec import Access, Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, Table, TiedRange
from tinyml.variants import cheapest


def positions(n: NodeView, dim: int) -> np.ndarray:
    """int16: the input row (dim 0) or column (dim 1) of each output row or column."""
    a, size, out = n.attrs, n.x.shape[1 + dim], n.attrs.size[dim]
    at = np.arange(out, dtype=np.float32) + np.float32(0.5 if a.half_pixel else 0.0)
    at = at * _resize.float_scale(size, out, a.align_corners)
    # at >= 0, and adding 0.5 in double is exact: halves go away from zero
    whole = np.floor(at.astype(np.float64) + 0.5) if a.align_corners else np.floor(at)
    return np.clip(whole, 0, size - 1).astype(np.int16)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    return (arrays[0][:, positions(n, 0)][:, :, positions(n, 1)],)


def access(n: NodeView) -> tuple[Access, ...]:
    rows = positions(n, 0)
    return data_access(n, _resize.row_map(rows, rows))


def is_noop(n: NodeView) -> bool:
    same = n.x.shape == n.y.shape and same_quant(n.x, n.y)
    return same and all(np.array_equal(positions(n, d), np.arange(n.attrs.size[d])) for d in (0, 1))


def portable(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return (
        KernelCall(
            f"tm_resize_nearest_neighbor_b{n.x.dtype.bytes}", "resize_nearest_neighbor", "tm_resize_nearest_neighbor_params",
            (
                *_resize.rectangle_params(n, low),
                ("rows", Table("rows", positions(n, 0), "table")), ("cols", Table("cols", positions(n, 1), "table")),
            ),
            (Ref(n.x.id), Ref(n.y.id)),
        ),
    )  # fmt: skip


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    if n.is_float:
        return portable(n, low)
    return cheapest(n, low, portable(n, low), 6.0 * n.y.elements + 20.0 * n.y.elements / n.y.shape[3])


def cases() -> Iterable[Case]:
    def case(name, shape, size, align=False, half=False, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": 2} if dtype is DType.INT8 else {}
        operand = CaseTensor((2,), DType.INT32, data=np.array(size, np.int32))
        out = CaseTensor((1, *size, shape[3]), dtype, **quant)
        options = {"AlignCorners": align, "HalfPixelCenters": half}
        return Case(name, options, (CaseTensor(shape, dtype, **quant), operand), (out,))

    for name, shape, size in _resize.SIZES:
        yield case(name, shape, size)
        yield case(f"{name}_half_pixel", shape, size, half=True)
        yield case(f"{name}_align_corners", shape, size, align=True)
    yield case("both_flags", (1, 5, 7, 2), (9, 4), align=True, half=True)
    yield case("ties", (1, 7, 6, 1), (13, 11), align=True)
    yield case("float", (1, 4, 5, 3), (9, 3), half=True, dtype=DType.FLOAT32)


SPEC = OpSpec(
    name="RESIZE_NEAREST_NEIGHBOR",
    options="ResizeNearestNeighborOptions",
    arity=(2, 2),
    read=_resize.read,
    infer=_resize.infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    is_noop=is_noop,
    int8_output=TiedRange(),
    summary="nearest neighbour up- and down-sampling",
    c_limits=("batch 1", "constant size", f"at most {_resize.MAX_EXTENT} rows and columns"),
)
