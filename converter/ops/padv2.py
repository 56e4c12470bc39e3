"""PADV2: x with a border of the constant operand's value. Kernels: tm_copy_nd, tm_fill_nd; see ops/_padding.py."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, Tensor
from tinyml.numerics import same_quant
from tinyml.ops import _padding
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, TiedRange, require, supported


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> _padding.Attrs:
    x, value = inputs[0], inputs[2]
    assert x is not None and value is not None
    before, after = _padding.read_pads(inputs[1], len(x.shape))
    supported(value.data is not None, "the border's value is not constant")
    assert value.data is not None
    require(value.elements == 1, f"the border's value has {value.elements} elements, not 1")
    require(value.dtype is x.dtype, f"a {value.dtype.value} border around {x.dtype.value} data")
    # LiteRT refuses to requantise it
    supported(same_quant(value, outputs[0]), "the border's value and the output have different scales or zero points")
    return _padding.Attrs(before, after, value.data.reshape(-1)[0].item())


def cases() -> Iterable[Case]:
    def case(name, shape, pads, value, dtype=DType.INT8, zero_point=-128):
        quant = {"scale": 0.05, "zero_point": zero_point} if dtype is DType.INT8 else {}
        paddings = CaseTensor((len(pads), 2), DType.INT32, data=np.array(pads, np.int32))
        border = CaseTensor((1,), dtype, data=np.array([value], dtype.numpy), **quant)
        out = tuple(b + e + f for e, (b, f) in zip(shape, pads, strict=True))
        return Case(name, {}, (CaseTensor(shape, dtype, **quant), paddings, border), (CaseTensor(out, dtype, **quant),))

    yield case("lowest", (1, 4, 5, 3), [(0, 0), (1, 1), (1, 1), (0, 0)], -128, zero_point=0)
    yield case("zero_point", (1, 3, 3, 2), [(0, 0), (0, 1), (0, 1), (0, 0)], 17, zero_point=17)
    yield case("channels", (1, 3, 4, 5), [(0, 0), (0, 0), (0, 0), (3, 8)], -1)
    yield case("matrix", (3, 5), [(1, 0), (0, 2)], 127)
    yield case("float", (1, 3, 4, 2), [(0, 0), (1, 1), (2, 1), (0, 1)], -3.25, DType.FLOAT32)
    yield case("float_lowest", (1, 3, 4, 2), [(0, 0), (1, 1), (1, 1), (0, 0)], np.finfo(np.float32).min, DType.FLOAT32)
    yield case("int32", (3,), [(1, 1)], -70000, DType.INT32)


SPEC = OpSpec(
    name="PADV2",
    options="PadV2Options",
    arity=(3, 3),
    read=read,
    infer=_padding.infer,
    reference=_padding.reference,
    access=_padding.access,
    lower=_padding.lower,
    cases=cases,
    dtypes=("int8", "float32", "int32"),
    view=_padding.view,
    lower_rest=_padding.lower_rest,
    is_noop=_padding.is_noop,
    as_padding=_padding.as_padding,
    int8_output=TiedRange(),
    summary="border of any value",
    c_limits=("rank 5", "constant paddings and value", "int8: value quantised like the output"),
)
