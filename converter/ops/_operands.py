"""Constant operands and operand checks of the operators that take their parameters as tensors (axis, perm, begin, ...)."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import DType, NodeView, Tensor
from tinyml.opspec import Access, Whole, require, supported

MAX_RANK = 5  # dimensions of the copy and fill kernels (tm/copy_nd.h)
MOVABLE = (DType.INT8, DType.FLOAT32, DType.INT32, DType.INT16)


def const_ints(t: Tensor | None, what: str, most: int = 8) -> tuple[int, ...]:
    """The values of a constant int32 or int64 scalar or vector of at most `most` elements."""
    require(t is not None, f"{what} is missing")
    assert t is not None
    supported(t.data is not None, f"{what} is not constant")
    assert t.data is not None
    require(t.dtype in (DType.INT32, DType.INT64), f"{what} is {t.dtype.value}, not int32 or int64")
    require(len(t.shape) <= 1, f"{what} has rank {len(t.shape)}, more than 1")
    require(t.elements <= most, f"{what} has {t.elements} elements, more than {most}")
    return tuple(int(v) for v in t.data.reshape(-1))


def const_int(t: Tensor | None, what: str) -> int:
    values = const_ints(t, what)
    require(len(values) == 1, f"{what} has {len(values)} elements, not 1")
    return values[0]


def wrap_axis(axis: int, rank: int) -> int:
    """`axis` in [0, rank), counting from the end where negative."""
    require(-rank <= axis < rank, f"axis {axis} outside a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis


def check_movable(*tensors: Tensor) -> None:
    """All tensors have one dtype that the copy kernels take, and at most MAX_RANK dimensions."""
    first = tensors[0].dtype
    supported(first in MOVABLE, f"{first.value} data")
    for t in tensors:
        require(t.dtype is first, f"{first.value} and {t.dtype.value} data mixed")
        supported(len(t.shape) <= MAX_RANK, f"rank {len(t.shape)}, at most {MAX_RANK} is supported")


def check_boxes(x: Tensor, y: Tensor) -> None:
    """As `check_movable` for boxes of rows and columns, which packed values move in as bytes: where all channels of a pixel stay
    together."""
    if not x.dtype.packed:
        check_movable(x, y)
        return
    require(y.dtype is x.dtype, f"{x.dtype.value} and {y.dtype.value} data mixed")
    supported(len(x.shape) == 4 and not x.is_const and x.shape[3] == y.shape[3], f"{x.dtype.value} data but whole pixels of an image")


def in_units(t: Tensor) -> Tensor:
    """The tensor as copy kernels see it: bytes in the place of packed channels."""
    return replace(t, shape=t.units, dtype=DType.INT8) if t.dtype.packed else t


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape`, if it has elements at all."""
    supported(all(d > 0 for d in shape), f"the output {list(shape)} is empty")
    return shape


def data_access(n: NodeView, access: Access) -> tuple[Access, ...]:
    """`access` for input 0; the operands behind it are constants that no kernel reads."""
    return (Whole() if n.x.is_const else access, *(Whole(),) * (len(n.inputs) - 1))
