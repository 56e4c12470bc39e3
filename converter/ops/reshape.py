"""RESHAPE: y = x under another shape, one extent of which may be -1 (the rest). Kernel: tm_copy_nd (tm/copy_nd.h).

The new shape is the constant operand where there is one, else the options'. As in LiteRT options that hold a single 0
mean a scalar (old converters wrote that).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, Tensor
from tinyml.ops import _reshape
from tinyml.ops._operands import const_ints
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, TiedRange, require


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> _reshape.Attrs:
    x = inputs[0]
    assert x is not None
    if len(inputs) > 1 and inputs[1] is not None:
        shape: tuple[int, ...] | None = const_ints(inputs[1], "new shape")
    else:
        shape = o.vector("NewShape")
        shape = () if shape == (0,) else shape
    require(shape is not None, "no new shape, neither as operand nor in the options")
    assert shape is not None
    require(len(shape) <= 8, f"new shape of rank {len(shape)}")
    require(all(d > 0 or d == -1 for d in shape), f"new shape {list(shape)}")
    require(shape.count(-1) <= 1, f"new shape {list(shape)} leaves more than one extent open")
    known = 1
    for d in shape:
        known *= d if d > 0 else 1
    require(x.elements % known == 0, f"{x.elements} elements can not take the shape {list(shape)}")
    return _reshape.Attrs(tuple(x.elements // known if d == -1 else d for d in shape))


def cases() -> Iterable[Case]:
    def case(name, shape, new, out=None, operand=True, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": -3} if dtype is DType.INT8 else {}
        ins = [CaseTensor(shape, dtype, **quant)]
        if operand:
            ins.append(CaseTensor((len(new),), DType.INT32, data=np.array(new, np.int32)))
        return Case(name, {"NewShape": new}, tuple(ins), (CaseTensor(new if out is None else out, dtype, **quant),))

    yield case("flatten", (1, 3, 4, 5), (1, 60))
    yield case("open_extent", (1, 3, 4, 5), (-1, 10), (6, 10))
    yield case("open_extent_first", (2, 6), (3, -1, 2), (3, 2, 2))
    yield case("options_only", (1, 7, 2), (14,), operand=False)
    yield case("rank5", (4, 6), (2, 2, 3, 1, 2))
    yield case("same", (1, 4, 4), (1, 4, 4))
    yield case("one_element", (1, 1, 1, 1), (1,))
    yield case("to_scalar_old_options", (1,), (0,), (), operand=False)
    yield case("float", (1, 2, 3, 4), (4, 6), dtype=DType.FLOAT32)
    yield case("int32", (3, 4), (2, 6), dtype=DType.INT32)
    yield case("int16", (3, 4), (2, 6), dtype=DType.INT16)


SPEC = OpSpec(
    name="RESHAPE",
    options="ReshapeOptions",
    arity=(1, 2),
    optional_inputs=(1,),
    read=read,
    infer=_reshape.infer,
    reference=_reshape.reference,
    access=_reshape.access,
    lower=_reshape.lower,
    cases=cases,
    channels=_reshape.channels,
    dtypes=("int8", "float32", "int32", "int16"),
    strided=False,
    view=_reshape.view,
    is_noop=_reshape.is_noop,
    int8_output=TiedRange(),
    summary="new shape, same elements",
    c_limits=("constant shape",),
)
