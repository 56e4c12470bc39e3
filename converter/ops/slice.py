"""SLICE: y = x[begin : begin + size], size -1 up to the end. Kernel: tm_copy_nd (tm/copy_nd.h)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, Node, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import box, copy_call, row_access
from tinyml.ops._operands import check_boxes, checked_shape, const_ints, data_access, in_units
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
)  # fmt: skip


@dataclass(frozen=True)
class Attrs:
    begin: tuple[int, ...]
    size: tuple[int, ...]

    def check(self, n: NodeView) -> None:
        require(len(self.begin) == len(self.size) == len(n.x.shape), f"{len(self.begin)} indices for rank {len(n.x.shape)}")
        for d, (extent, b, s) in enumerate(zip(n.x.shape, self.begin, self.size, strict=True)):
            require(0 <= b and 0 <= s and b + s <= extent, f"[{b} : {b} + {s}] outside dimension {d} of extent {extent}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    begin, size = const_ints(inputs[1], "begin"), const_ints(inputs[2], "size")
    rank = len(x.shape)
    require(len(begin) == rank and len(size) == rank, f"begin {list(begin)} and size {list(size)} for rank {rank}")
    attrs = Attrs(begin, tuple(extent - b if s == -1 else s for extent, b, s in zip(x.shape, begin, size, strict=True)))
    attrs.check(NodeView(Node("SLICE", (x.id,), (), attrs, 0), (x,), ()))
    return attrs


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    check_boxes(n.x, n.y)
    return (checked_shape(n.attrs.size),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    return (arrays[0][tuple(slice(b, b + s) for b, s in zip(n.attrs.begin, n.attrs.size, strict=True))].copy(),)


def access(n: NodeView) -> tuple[Access, ...]:
    return data_access(n, row_access(box(n.attrs.size, n.attrs.begin), n.x, n.y))


def view(n: NodeView) -> ViewRule | None:
    return None if n.x.is_const else PartsOfInput((n.attrs.begin,))


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    x, y = in_units(n.x), in_units(n.y)
    return (copy_call(box((*n.attrs.size[:-1], y.shape[-1]) if n.y.dtype.packed else n.attrs.size, n.attrs.begin), x, y, low),)


def cases() -> Iterable[Case]:
    def case(name, shape, begin, size, dtype=DType.INT8, operand=DType.INT32):
        quant = {"scale": 0.05, "zero_point": 11} if dtype is DType.INT8 else {}
        ops = tuple(CaseTensor((len(v),), operand, data=np.array(v, operand.numpy)) for v in (begin, size))
        out = tuple(e - b if s == -1 else s for e, b, s in zip(shape, begin, size, strict=True))
        return Case(name, {}, (CaseTensor(shape, dtype, **quant), *ops), (CaseTensor(out, dtype, **quant),))

    yield case("vector", (9,), (2,), (5,))
    yield case("rows", (1, 7, 4, 3), (0, 2, 0, 0), (1, 3, 4, 3))
    yield case("columns", (1, 5, 6, 3), (0, 0, 1, 0), (1, 5, 4, 3))
    yield case("channels", (1, 4, 5, 12), (0, 0, 0, 3), (1, 4, 5, 8))
    yield case("all_dimensions", (3, 6, 5, 7), (1, 2, 1, 3), (2, 3, 3, 2))
    yield case("to_the_end", (1, 5, 6, 3), (0, 1, 2, 1), (-1, -1, -1, -1))
    yield case("whole", (1, 3, 3, 2), (0, 0, 0, 0), (1, 3, 3, 2))
    yield case("one_element", (4, 5), (3, 2), (1, 1))
    yield case("rank5", (2, 3, 2, 4, 3), (1, 0, 1, 1, 0), (1, 3, 1, 2, 3))
    yield case("int64_operands", (4, 6), (1, 2), (2, -1), operand=DType.INT64)
    yield case("float", (1, 4, 5, 6), (0, 1, 1, 2), (1, 2, 3, 4), DType.FLOAT32)
    yield case("int32", (4,), (1,), (2,), DType.INT32)
    yield case("int16", (4,), (1,), (2,), DType.INT16)


SPEC = OpSpec(
    name="SLICE",
    options="SliceOptions",
    arity=(3, 3),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=view,
    is_noop=lambda n: n.x.shape == n.y.shape and same_quant(n.x, n.y),
    int8_output=TiedRange(),
    summary="a box of the input",
    c_limits=("rank 5", "constant begin and size"),
)
