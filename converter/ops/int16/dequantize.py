"""DEQUANTIZE of int16 values. Kernel: tm_dequantize_i16 (tm/quantize_i16.h). Numerics: LiteRT reference_ops::Dequantize."""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _elementwise as ew
from tinyml.ops import dequantize
from tinyml.opspec import Case, CaseTensor, KernelCall, Lowering, OpSpec, Ref, supported


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    supported(n.y.dtype is DType.FLOAT32, f"output {n.y.dtype.value}")
    ew.require_quant(n.x)
    return (n.x.shape,)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    source, geom = ew.operand(n.x, low)
    params = (("in", geom), ("out", low.geom(n.y)), ("scale", n.x.scale), ("zero_point", n.x.zero_point))
    return (KernelCall("tm_dequantize_i16", "quantize_i16", "tm_dequantize_params", params, (source, Ref(n.y.id), None)),)


def cases(own: OpSpec) -> Iterable[Case]:
    for name, scale, shape in (("usual", 0.000472, (1, 9, 8, 7)), ("power_of_two", 2.0**-11, (3, 100)), ("tiny", 1e-30, (65,))):
        x = CaseTensor(shape, DType.INT16, scale=scale, zero_point=0)
        yield Case(f"int16_{name}", {}, (x,), (CaseTensor(shape, DType.FLOAT32),))


SUPPORT = TypeSupport("DEQUANTIZE", DType.INT16, infer, dequantize.reference, lower, cases, ("int16 to float32",))
