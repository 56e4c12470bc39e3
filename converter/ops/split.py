"""SPLIT: x cut into equal parts along the constant operand `axis` (operand 0; x is operand 1). Kernel: tm_copy_nd, once per
output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.ops._move import box, copy_call, row_access
from tinyml.ops._operands import check_movable, const_int, wrap_axis
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
    Whole,
    require,
)  # fmt: skip


@dataclass(frozen=True)
class Attrs:
    axis: int
    parts: int

    def check(self, n: NodeView) -> None:
        axis, parts, shape = self.axis, self.parts, _x(n).shape
        require(parts == len(n.outputs), f"{parts} parts for {len(n.outputs)} outputs")
        require(0 <= axis < len(shape), f"axis {axis} of a tensor of rank {len(shape)}")
        require(parts > 0 and shape[axis] % parts == 0, f"{parts} equal parts of dimension {axis} of extent {shape[axis]}")


def _x(n: NodeView) -> Tensor:
    assert n.inputs[1] is not None
    return n.inputs[1]


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[1]
    assert x is not None
    axis, parts = wrap_axis(const_int(inputs[0], "axis"), len(x.shape)), o.get("NumSplits")
    require(parts == len(outputs), f"{parts} parts for {len(outputs)} outputs")
    require(parts > 0 and x.shape[axis] % parts == 0, f"{parts} equal parts of dimension {axis} of extent {x.shape[axis]}")
    return Attrs(axis, parts)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, x = n.attrs, _x(n)
    check_movable(x, *n.outputs)
    shape = (*x.shape[: a.axis], x.shape[a.axis] // a.parts, *x.shape[a.axis + 1 :])
    return (shape,) * a.parts


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[1] is not None
    return tuple(part.copy() for part in np.split(arrays[1], n.attrs.parts, n.attrs.axis))


def _begins(n: NodeView) -> tuple[tuple[int, ...], ...]:
    a, rank = n.attrs, len(n.y.shape)
    return tuple(tuple(k * n.y.shape[d] if d == a.axis else 0 for d in range(rank)) for k in range(a.parts))


def access(n: NodeView) -> tuple[Access, ...]:
    if n.attrs.parts > 1 or _x(n).is_const:  # the input is read once per output
        return Whole(), Whole()
    return Whole(), row_access(box(n.y.shape), _x(n), n.y)


def view(n: NodeView) -> ViewRule | None:
    return None if _x(n).is_const else PartsOfInput(_begins(n))


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return tuple(copy_call(box(y.shape, begin), _x(n), y, low) for y, begin in zip(n.outputs, _begins(n), strict=True))


def cases() -> Iterable[Case]:
    def case(name, shape, axis, parts, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": 11} if dtype is DType.INT8 else {}
        out = list(shape)
        out[axis] //= parts
        operand = CaseTensor((), DType.INT32, data=np.array(axis, np.int32))
        outs = tuple(CaseTensor(tuple(out), dtype, **quant) for _ in range(parts))
        return Case(name, {"NumSplits": parts}, (operand, CaseTensor(shape, dtype, **quant)), outs)

    yield case("channels", (1, 4, 5, 12), 3, 3)
    yield case("channels_from_the_end", (1, 3, 2, 10), -1, 2)
    yield case("columns", (1, 3, 6, 4), 2, 2)
    yield case("rows", (1, 6, 3, 4), 1, 3)
    yield case("batch", (2, 3, 3, 2), 0, 2)
    yield case("single_elements", (1, 4), 1, 4)
    yield case("one_part", (1, 4, 3), 2, 1)
    yield case("rank5", (1, 2, 4, 3, 2), 2, 2)
    yield case("float", (1, 4, 5, 6), 3, 2, DType.FLOAT32)
    yield case("int32", (6,), 0, 3, DType.INT32)
    yield case("int16", (6,), 0, 3, DType.INT16)


SPEC = OpSpec(
    name="SPLIT",
    options="SplitOptions",
    arity=(2, 2),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=view,
    int8_output=TiedRange(),
    summary="equal parts along one dimension",
    c_limits=("rank 5", "constant axis"),
)
