"""What the two resize operators share: size operand, checks, and where an output row or column lies in the input.

Sources: LiteRT reference_ops::ResizeNearestNeighbor, ResizeBilinear and ResizeBilinearInteger; formulas confirmed by
measurement. All positions are found here, at compile time, or in integers at run time, so that no float rounding of a
target can choose another row than the planner expects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.ops._operands import const_ints
from tinyml.ops._window import require_batch_one
from tinyml.opspec import Lowering, Options, RowMap, Value, require, supported

MAX_EXTENT = 32767  # rows and columns: positions are int16 tables


@dataclass(frozen=True)
class Attrs:
    size: tuple[int, int]  # output height, width
    align_corners: bool
    half_pixel: bool

    def check(self, n: NodeView) -> None:
        require(min(self.size) > 0, f"size {list(self.size)}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    size = const_ints(inputs[1], "size")
    require(len(size) == 2, f"size has {len(size)} elements, not 2")
    require(min(size) > 0, f"size {list(size)}")
    return Attrs((size[0], size[1]), bool(o.get("AlignCorners")), bool(o.get("HalfPixelCenters")))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    require_batch_one(n.x)
    supported(n.x.dtype in (DType.INT8, DType.FLOAT32), f"{n.x.dtype.value} data")
    require(n.x.dtype is n.y.dtype, f"input {n.x.dtype.value} with output {n.y.dtype.value}")
    limit = max(*n.x.shape[1:3], *n.attrs.size)
    supported(limit <= MAX_EXTENT, f"{limit} rows or columns, at most {MAX_EXTENT} are supported")
    return ((1, *n.attrs.size, n.x.shape[3]),)


def float_scale(size: int, out: int, align_corners: bool) -> np.float32:
    """Input rows per output row."""
    if align_corners and out > 1:
        return np.float32(size - 1) / np.float32(out - 1)
    return np.float32(size) / np.float32(out)


def row_map(first: np.ndarray, last: np.ndarray) -> RowMap:
    return RowMap(tuple((int(a), int(b) + 1) for a, b in zip(first, last, strict=True)))


def rectangle_params(n: NodeView, low: Lowering) -> tuple[tuple[str, Value], ...]:
    """The leading fields of both kernels' params: the whole layer."""
    return (
        ("in", low.geom(n.x)), ("out", low.geom(n.y)),
        ("in_y0", 0), ("in_x0", 0), ("out_y0", 0), ("out_x0", 0),
    )  # fmt: skip


# shapes of the two operators' cases: (name, input shape, output size)
SIZES = (
    ("up2", (1, 4, 5, 3), (8, 10)),
    ("up3_2", (1, 3, 4, 2), (9, 8)),
    ("up_uneven", (1, 5, 7, 4), (13, 9)),
    ("down2", (1, 8, 10, 3), (4, 5)),
    ("down_uneven", (1, 13, 11, 2), (5, 7)),
    ("up_and_down", (1, 6, 9, 3), (14, 4)),
    ("one_pixel_in", (1, 1, 1, 5), (3, 4)),
    ("one_pixel_out", (1, 5, 6, 3), (1, 1)),
    ("same_size", (1, 4, 6, 2), (4, 6)),
)
