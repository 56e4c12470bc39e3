"""PAD: x with a border of zeros (int8: the output's zero point). Kernels: tm_copy_nd, tm_fill_nd; see ops/_padding.py."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, Tensor
from tinyml.ops import _padding
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, TiedRange


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> _padding.Attrs:
    assert inputs[0] is not None
    return _padding.Attrs(*_padding.read_pads(inputs[1], len(inputs[0].shape)), None)


def cases() -> Iterable[Case]:
    def case(name, shape, pads, dtype=DType.INT8, zero_point=-128, operand=DType.INT32):
        quant = {"scale": 0.05, "zero_point": zero_point} if dtype is DType.INT8 else {}
        paddings = CaseTensor((len(pads), 2), operand, data=np.array(pads, operand.numpy))
        out = tuple(b + e + f for e, (b, f) in zip(shape, pads, strict=True))
        return Case(name, {}, (CaseTensor(shape, dtype, **quant), paddings), (CaseTensor(out, dtype, **quant),))

    yield case("same_all_round", (1, 4, 5, 3), [(0, 0), (1, 1), (1, 1), (0, 0)])
    yield case("before_stride2", (1, 6, 6, 4), [(0, 0), (0, 1), (0, 1), (0, 0)], zero_point=3)
    yield case("uneven", (1, 3, 4, 2), [(0, 0), (2, 1), (0, 3), (0, 0)], zero_point=127)
    yield case("rows_only", (1, 3, 4, 2), [(0, 0), (2, 1), (0, 0), (0, 0)])
    yield case("channels", (1, 3, 4, 5), [(0, 0), (0, 0), (0, 0), (3, 8)], zero_point=0)
    yield case("all_dimensions", (2, 3, 2, 3), [(1, 0), (0, 2), (1, 1), (2, 0)])
    yield case("vector", (5,), [(2, 3)])
    yield case("nothing", (1, 3, 3, 2), [(0, 0)] * 4)
    yield case("rank5", (1, 2, 2, 3, 2), [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)])
    yield case("int64_paddings", (1, 2, 2, 2), [(0, 0), (1, 1), (1, 0), (0, 0)], operand=DType.INT64)
    yield case("float", (1, 3, 4, 2), [(0, 0), (1, 1), (2, 1), (0, 1)], DType.FLOAT32)
    yield case("int32", (3,), [(1, 1)], DType.INT32)
    yield case("int16", (3,), [(1, 1)], DType.INT16)


SPEC = OpSpec(
    name="PAD",
    options="PadOptions",
    arity=(2, 2),
    read=read,
    infer=_padding.infer,
    reference=_padding.reference,
    access=_padding.access,
    lower=_padding.lower,
    cases=cases,
    dtypes=("int8", "float32", "int32", "int16"),
    view=_padding.view,
    lower_rest=_padding.lower_rest,
    is_noop=_padding.is_noop,
    as_padding=_padding.as_padding,
    int8_output=TiedRange(),
    summary="border of zeros",
    c_limits=("rank 5", "constant paddings"),
)
