"""PACK: tensors of one shape side by side along a new dimension `axis`. Kernel: tm_copy_nd (tm/copy_nd.h), once per input.

int8 values are never requantised: like LiteRT, all inputs must have the output's scale and zero point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.numerics import same_quant
from tinyml.ops._move import Loop, Move, copy_call
from tinyml.ops._operands import check_movable, wrap_axis
from tinyml.opspec import Access, Case, CaseTensor, KernelCall, Lowering, OpSpec, Options, TiedRange, Whole, require, supported


@dataclass(frozen=True)
class Attrs:
    axis: int  # of the output

    def check(self, n: NodeView) -> None:
        require(0 <= self.axis <= len(n.x.shape), f"axis {self.axis} of a tensor of rank {len(n.x.shape) + 1}")


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x = inputs[0]
    assert x is not None
    count = o.get("ValuesCount")
    require(count == len(inputs), f"{len(inputs)} inputs, the options say {count}")
    return Attrs(wrap_axis(o.get("Axis"), len(x.shape) + 1))


def _tensors(n: NodeView) -> list[Tensor]:
    found = [t for t in n.inputs if t is not None]
    require(len(found) == len(n.inputs), "an input is missing")
    return found


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    tensors, shape, axis = _tensors(n), n.x.shape, n.attrs.axis
    check_movable(n.y, *tensors)
    for k, t in enumerate(tensors):
        require(t.shape == shape, f"input {k} has shape {list(t.shape)}, the first one {list(shape)}")
        supported(same_quant(t, n.y), f"input {k} and the output have different scales or zero points")
    return ((*shape[:axis], len(tensors), *shape[axis:]),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    return (np.stack([np.asarray(a) for a in arrays], n.attrs.axis),)


def access(n: NodeView) -> tuple[Access, ...]:
    return tuple(Whole() for _ in n.inputs)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    calls, axis = [], n.attrs.axis
    for k, t in enumerate(_tensors(n)):
        loops = [Loop(extent, d, d + (d >= axis)) for d, extent in enumerate(t.shape)]
        loops.insert(axis, Loop(1, None, axis))
        begin = tuple(k if d == axis else 0 for d in range(len(n.y.shape)))
        calls.append(copy_call(Move(tuple(loops), (0,) * len(t.shape), begin), t, n.y, low))
    return tuple(calls)


def cases() -> Iterable[Case]:
    rng = np.random.default_rng(32)

    def case(name, shape, count, axis, dtype=DType.INT8, const=()):
        quant = {"scale": 0.05, "zero_point": -5} if dtype is DType.INT8 else {}

        def tensor(k):
            data = rng.integers(-100, 100, shape).astype(dtype.numpy) if k in const else None
            return CaseTensor(shape, dtype, data=data, **quant)

        at = axis + len(shape) + 1 if axis < 0 else axis
        out = (*shape[:at], count, *shape[at:])
        return Case(name, {"ValuesCount": count, "Axis": axis}, tuple(tensor(k) for k in range(count)), (CaseTensor(out, dtype, **quant),))

    yield case("front", (3, 5), 2, 0)
    yield case("middle", (3, 4, 2), 3, 1)
    yield case("last", (2, 3, 4, 5), 2, -1)
    yield case("rank5", (1, 3, 2, 4), 2, 2)
    yield case("constant", (4, 3), 3, 1, const=(1,))
    yield case("one_input", (6,), 1, 0)
    yield case("float", (2, 3), 2, 2, DType.FLOAT32)
    yield case("scalars", (), 3, 0, DType.INT32, const=(2,))


SPEC = OpSpec(
    name="PACK",
    options="PackOptions",
    arity=(1, 1024),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    int8_output=TiedRange(),
    summary="puts tensors side by side along a new dimension",
    c_limits=("rank 5", "int8: one scale and zero point for all"),
)
