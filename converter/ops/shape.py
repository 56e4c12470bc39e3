"""SHAPE: the extents of x as int32 [rank]. Converters leave it, and arithmetic on it, where a Keras model's batch was open.

Shapes are known at build time (an open batch is 1), so the importer makes a constant of the output; only where the network returns
it is there code: one tm_copy_nd (tm/copy_nd.h) of that constant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.ops._move import box, copy_call
from tinyml.opspec import Access, Case, CaseTensor, KernelCall, Lowering, OpSpec, Options, Whole, supported


@dataclass(frozen=True)
class Attrs:
    def check(self, n: NodeView) -> None:
        pass


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    return Attrs()


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    supported(n.y.dtype is DType.INT32, f"extents as {n.y.dtype.value}, not int32")
    return ((len(n.x.shape),),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    return (np.array(n.x.shape, np.int32),)


def access(n: NodeView) -> tuple[Access, ...]:
    return (Whole(),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    values = replace(n.y, data=reference(n, ())[0])
    return (copy_call(box(n.y.shape), values, n.y, low),)


def cases() -> Iterable[Case]:
    def case(name, shape, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": 4} if dtype is DType.INT8 else {}
        return Case(name, {"OutType": 2}, (CaseTensor(shape, dtype, **quant),), (CaseTensor((len(shape),), DType.INT32),))

    yield case("image", (1, 7, 5, 3))
    yield case("vector", (9,))
    yield case("float", (2, 6), DType.FLOAT32)
    yield case("int32", (3, 1, 2), DType.INT32)


SPEC = OpSpec(
    name="SHAPE",
    options="ShapeOptions",
    arity=(1, 1),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    cases=cases,
    dtypes=("int32",),
    static=True,
    summary="the extents of a tensor, known at build time",
)
