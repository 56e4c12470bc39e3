"""TRANSPOSE: y[i0, i1, ..] = x with y's dimension d walking x's dimension perm[d]. Kernel: tm_copy_nd (tm/copy_nd.h)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import Loop, Move, copy_call, row_access
from tinyml.ops._operands import check_movable, const_ints, data_access, wrap_axis
from tinyml.opspec import (
    Access,
    Case,
    CaseTensor,
    Elementwise,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    Reshaped,
    TiedRange,
    ViewRule,
    require,
)  # fmt: skip


@dataclass(frozen=True)
class Attrs:
    perm: tuple[int, ...]

    def check(self, n: NodeView) -> None:
        require(sorted(self.perm) == list(range(len(n.x.shape))), f"perm {list(self.perm)[:9]} of a tensor of rank {len(n.x.shape)}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    rank = len(x.shape)
    perm = const_ints(inputs[1], "perm")
    require(len(perm) == rank, f"perm has {len(perm)} elements for rank {rank}")
    perm = tuple(wrap_axis(p, rank) for p in perm)
    require(len(set(perm)) == rank, f"perm {list(perm)} is not a permutation")
    return Attrs(perm)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    check_movable(n.x, n.y)
    return (tuple(n.x.shape[p] for p in n.attrs.perm),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    return (arrays[0].transpose(n.attrs.perm).copy(),)


def _keeps_order(n: NodeView) -> bool:
    """Only dimensions of extent 1 change places."""
    moved = [p for p in n.attrs.perm if n.x.shape[p] > 1]
    return moved == sorted(moved)


def _move(n: NodeView) -> Move:
    zeros = (0,) * len(n.x.shape)
    return Move(tuple(Loop(n.x.shape[p], p, d) for d, p in enumerate(n.attrs.perm)), zeros, zeros)


def access(n: NodeView) -> tuple[Access, ...]:
    return data_access(n, Elementwise() if _keeps_order(n) else row_access(_move(n), n.x, n.y))


def view(n: NodeView) -> ViewRule | None:
    return Reshaped() if _keeps_order(n) and not n.x.is_const else None


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return (copy_call(_move(n), n.x, n.y, low),)


def cases() -> Iterable[Case]:
    def case(name, shape, perm, dtype=DType.INT8, zero_point=-9):
        quant = {"scale": 0.05, "zero_point": zero_point} if dtype is DType.INT8 else {}
        operand = CaseTensor((len(perm),), DType.INT32, data=np.array(perm, np.int32))
        out = CaseTensor(tuple(shape[p] for p in perm), dtype, **quant)
        return Case(name, {}, (CaseTensor(shape, dtype, **quant), operand), (out,))

    yield case("matrix", (5, 7), (1, 0))
    yield case("nhwc_to_nchw", (1, 4, 5, 3), (0, 3, 1, 2))
    yield case("nchw_to_nhwc", (1, 3, 4, 5), (0, 2, 3, 1))
    yield case("inside_rows", (1, 4, 5, 3), (0, 1, 3, 2))
    yield case("rows_kept", (2, 3, 4, 9), (1, 0, 2, 3))
    yield case("reverse", (2, 3, 4, 5), (3, 2, 1, 0))
    yield case("negative_perm", (2, 3, 4), (0, -1, 1))
    yield case("rank5", (2, 3, 2, 3, 4), (4, 1, 3, 0, 2))
    yield case("only_ones_move", (1, 6, 1, 3), (0, 2, 1, 3))
    yield case("identity", (1, 4, 3), (0, 1, 2))
    yield case("float", (2, 3, 10), (1, 0, 2), DType.FLOAT32)
    yield case("int32", (3, 4), (1, 0), DType.INT32)
    yield case("int16", (3, 4), (1, 0), DType.INT16)


SPEC = OpSpec(
    name="TRANSPOSE",
    options="TransposeOptions",
    arity=(2, 2),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=view,
    is_noop=lambda n: n.x.shape == n.y.shape and _keeps_order(n) and same_quant(n.x, n.y),
    int8_output=TiedRange(),
    summary="permutes dimensions",
    c_limits=("rank 5", "constant perm"),
)
