"""SQUEEZE: y = x without the dimensions of extent 1 that the options name (all of them, if none). Kernel: tm_copy_nd."""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.ir import DType, Tensor
from tinyml.ops import _reshape
from tinyml.ops._operands import wrap_axis
from tinyml.opspec import Case, CaseTensor, OpSpec, Options, TiedRange, require


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> _reshape.Attrs:
    x = inputs[0]
    assert x is not None
    axes = o.vector("SqueezeDims") or ()
    require(len(axes) <= 8, f"{len(axes)} dimensions to squeeze")
    drop = {wrap_axis(a, len(x.shape)) for a in axes} or {d for d, extent in enumerate(x.shape) if extent == 1}
    for d in sorted(drop):
        require(x.shape[d] == 1, f"dimension {d} of extent {x.shape[d]} can not be squeezed")
    return _reshape.Attrs(tuple(extent for d, extent in enumerate(x.shape) if d not in drop))


def cases() -> Iterable[Case]:
    def case(name, shape, axes, out, dtype=DType.INT8):
        quant = {"scale": 0.05, "zero_point": 7} if dtype is DType.INT8 else {}
        options = {"SqueezeDims": axes} if axes else {}
        return Case(name, options, (CaseTensor(shape, dtype, **quant),), (CaseTensor(out, dtype, **quant),))

    yield case("all", (1, 3, 1, 5), (), (3, 5))
    yield case("some", (1, 3, 1, 5), (2,), (1, 3, 5))
    yield case("negative", (1, 1, 1, 5), (-2, 1), (1, 5))
    yield case("repeated", (1, 4, 1, 2), (2, -2), (1, 4, 2))
    yield case("nothing_to_do", (2, 3), (), (2, 3))
    yield case("float", (1, 2, 1, 4), (0, 2), (2, 4), DType.FLOAT32)
    yield case("int32", (1, 6), (0,), (6,), DType.INT32)
    yield case("int16", (1, 6), (0,), (6,), DType.INT16)


SPEC = OpSpec(
    name="SQUEEZE",
    options="SqueezeOptions",
    arity=(1, 1),
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
    summary="drops dimensions of extent 1",
)
