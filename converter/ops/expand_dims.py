"""EXPAND_DIMS: y = x with a dimension of extent 1 put in at the constant operand `axis`. Kernel: tm_copy_nd."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, Tensor
from tinyml.ops import _reshape
from tinyml.ops._operands import const_int, wrap_axis
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, TiedRange


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> _reshape.Attrs:
    x = inputs[0]
    assert x is not None
    axis = wrap_axis(const_int(inputs[1], "axis"), len(x.shape) + 1)
    return _reshape.Attrs((*x.shape[:axis], 1, *x.shape[axis:]))


def cases() -> Iterable[Case]:
    def case(name, shape, axis, out, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": 7} if dtype is DType.INT8 else {}
        ins = (CaseTensor(shape, dtype, **quant), CaseTensor((1,), DType.INT32, data=np.array([axis], np.int32)))
        return Case(name, {}, ins, (CaseTensor(out, dtype, **quant),))

    yield case("front", (3, 5), 0, (1, 3, 5))
    yield case("middle", (3, 5), 1, (3, 1, 5))
    yield case("back", (3, 5), 2, (3, 5, 1))
    yield case("last", (3, 5), -1, (3, 5, 1))
    yield case("first_from_the_end", (3, 5, 2), -4, (1, 3, 5, 2))
    yield case("rank5", (2, 3, 1, 2), 2, (2, 3, 1, 1, 2))
    yield case("float", (2, 4), 1, (2, 1, 4), DType.FLOAT32)
    yield case("int32", (6,), 0, (1, 6), DType.INT32)
    yield case("int16", (6,), 0, (1, 6), DType.INT16)


SPEC = OpSpec(
    name="EXPAND_DIMS",
    options="ExpandDimsOptions",
    arity=(2, 2),
    read=read,
    infer=_reshape.infer,
    reference=_reshape.reference,
    access=_reshape.access,
    lower=_reshape.lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    strided=False,
    view=_reshape.view,
    is_noop=_reshape.is_noop,
    int8_output=TiedRange(),
    summary="puts in a dimension of extent 1",
    c_limits=("constant axis",),
)
