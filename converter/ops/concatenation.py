"""CONCATENATION: the inputs one behind the other along `axis`. Kernel: tm_copy_nd (tm/copy_nd.h), once per input.

int8 values are never requantised: like LiteRT, all inputs must have the output's scale and zero point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, Node, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import box, copy_call, row_access
from tinyml.ops._operands import check_movable, wrap_axis
from tinyml.opspec import (
    Access,
    Broadcast,
    Case,
    CaseTensor,
    KernelCall,
    Lowering,
    OpSpec,
    Options,
    PartsOfOutput,
    TiedRange,
    ViewRule,
    Whole,
    require,
    supported,
)  # fmt: skip


@dataclass(frozen=True)
class Attrs:
    axis: int
    in_place: bool = True  # the parts may be written into the result by who makes them; False: only row by row, in a stage

    def check(self, n: NodeView) -> None:
        require(0 <= self.axis < len(n.x.shape), f"axis {self.axis} of a tensor of rank {len(n.x.shape)}")


def _parts(n: NodeView) -> list[tuple[Tensor, tuple[int, ...]]]:
    """Each input with the place of its first element in the output."""
    parts, at, axis = [], 0, n.attrs.axis
    for t in n.inputs:
        assert t is not None
        parts.append((t, tuple(at if d == axis else 0 for d in range(len(t.shape)))))
        at += t.shape[axis]
    return parts


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    act = o.get("FusedActivationFunction")
    supported(act == 0, f"fused activation {act}")
    return Attrs(wrap_axis(o.get("Axis"), len(x.shape)))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    axis, tensors = n.attrs.axis, [t for t, _ in _parts_checked(n)]
    check_movable(n.y, *tensors)
    for k, t in enumerate(tensors):
        supported(same_quant(t, n.y), f"input {k} and the output have different scales or zero points")
    shape = list(tensors[0].shape)
    shape[axis] = sum(t.shape[axis] for t in tensors)
    return (tuple(shape),)


def _parts_checked(n: NodeView) -> list[tuple[Tensor, tuple[int, ...]]]:
    axis, first = n.attrs.axis, n.x.shape
    for k, t in enumerate(n.inputs):
        require(t is not None, f"input {k} is missing")
        assert t is not None
        agree = len(t.shape) == len(first) and all(d == axis or t.shape[d] == e for d, e in enumerate(first))
        require(agree, f"input {k} of shape {list(t.shape)} does not fit {list(first)} along dimension {axis}")
    return _parts(n)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    return (np.concatenate([np.asarray(a) for a in arrays], n.attrs.axis),)


def access(n: NodeView) -> tuple[Access, ...]:
    """The inputs are copied one after the other, constants last. So the first one's reads precede all other writes; those
    of the others do only where the parts are whole blocks of rows. Channels that are not go pixel by pixel."""
    y, axis = n.y, n.attrs.axis
    if not n.attrs.in_place and axis == len(y.shape) - 1:
        return tuple(Whole() if t.is_const else Broadcast() for t, _ in _parts(n))
    by_rows = axis < len(y.shape) - 2 and all(d == 1 for d in y.shape[:axis])
    ids = [t.id for t in n.inputs if t is not None]
    out: list[Access] = []
    ordered = True
    for t, begin in _parts(n):
        if t.is_const or ids.count(t.id) > 1 or not ordered:
            out.append(Whole())
        else:
            out.append(row_access(box(t.shape, None, begin), t, y))
        ordered = ordered and (by_rows or t.is_const)
    return tuple(out)


def view(n: NodeView) -> ViewRule | None:
    live = [(t, begin) for t, begin in _parts(n) if not t.is_const]
    if not live or len({t.id for t, _ in live}) < len(live):
        return None  # one tensor can not lie in two places
    return PartsOfOutput(tuple(begin for _, begin in live), n.attrs.in_place)


def _copies(n: NodeView, low: Lowering, const: bool) -> tuple[KernelCall, ...]:
    return tuple(copy_call(box(t.shape, None, begin), t, n.y, low) for t, begin in _parts(n) if t.is_const == const)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return _copies(n, low, const=False) + lower_rest(n, low)


def lower_rest(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    return _copies(n, low, const=True)


def joined(parts: tuple[int, ...], out: int, axis: int, index: int, in_place: bool) -> Node:
    """The node that makes `out` of `parts` (tensor ids), one behind the other along `axis`; in_place as in Attrs."""
    return Node("CONCATENATION", parts, (out,), Attrs(axis, in_place), index)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(31)

    def case(name, shapes, axis, dtype=DType.INT8, const=()):
        quant = {"scale": 0.05, "zero_point": -5} if dtype is DType.INT8 else {}

        def tensor(k, shape):
            data = rng.integers(-100, 100, shape).astype(dtype.numpy) if k in const else None
            return CaseTensor(shape, dtype, data=data, **quant)

        out = list(shapes[0])
        out[axis] = sum(s[axis] for s in shapes)
        ins = tuple(tensor(k, s) for k, s in enumerate(shapes))
        return Case(name, {"Axis": axis}, ins, (CaseTensor(tuple(out), dtype, **quant),))

    yield case("channels", [(1, 4, 5, 3), (1, 4, 5, 8)], 3)
    yield case("channels_from_the_end", [(1, 3, 2, 1), (1, 3, 2, 2), (1, 3, 2, 9)], -1)
    yield case("columns", [(1, 3, 2, 4), (1, 3, 5, 4)], 2)
    yield case("rows", [(1, 2, 3, 4), (1, 1, 3, 4), (1, 4, 3, 4)], 1)
    yield case("batch", [(1, 3, 3, 2), (2, 3, 3, 2)], 0)
    yield case("rows_of_batches", [(2, 1, 3, 2), (2, 2, 3, 2)], 1)
    yield case("vectors", [(3,), (4,)], 0)
    yield case("constant_in_the_middle", [(1, 4, 2), (1, 4, 3), (1, 4, 1)], 2, const=(1,))
    yield case("constant_first", [(1, 2, 2), (1, 3, 2)], 1, const=(0,))
    yield case("one_input", [(1, 4, 2)], 2)
    yield case("six_inputs", [(1, 4, k + 1) for k in range(6)], 2)
    yield case("float", [(1, 2, 3, 4), (1, 2, 3, 10)], 3, DType.FLOAT32)
    yield case("int32", [(2,), (1,)], 0, DType.INT32, const=(1,))
    yield case("int16", [(2,), (1,)], 0, DType.INT16, const=(1,))


SPEC = OpSpec(
    name="CONCATENATION",
    options="ConcatenationOptions",
    arity=(1, 1024),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=view,
    lower_rest=lower_rest,
    is_noop=lambda n: len(n.inputs) == 1 and same_quant(n.x, n.y),
    int8_output=TiedRange(),
    summary="joins tensors along one dimension",
    c_limits=("rank 5", "int8: one scale and zero point for all"),
)
