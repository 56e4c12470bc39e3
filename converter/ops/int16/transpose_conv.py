"""TRANSPOSE_CONV of int16 activations and int8 weights. Kernel: tm/transpose_conv_i16.h.

Numerics: LiteRT reference_integer_ops::TransposeConv of int16: sums of 64 bits, one rounding, as its 16x8 convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import transpose_conv as own
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Table


def _layer(n: NodeView) -> NodeView:
    """With the operands in the order of the other layers: x, weights, bias."""
    _, w, x, bias = own.operands(n.inputs)
    return NodeView(n.node, (x, w, bias), n.outputs)


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    layer = _layer(n)
    _wide.check_activations(layer.x, n.y)
    shapes = own.infer(_wide.twin(n))
    channels = shapes[0][3]  # what the file says of the output is not checked yet
    _wide.check_layer(layer, channels, 1 << 22)
    _wide.multipliers(layer, channels)
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    sums = own.accumulators(n, arrays)
    return (_wide.clipped(_wide.requant(sums, *_wide.multipliers(_layer(n), n.y.shape[3])), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    layer, a = _layer(n), n.attrs
    w, channels = layer.inputs[1], n.y.shape[3]
    assert w is not None and w.data is not None
    mult, shift = _wide.multipliers(layer, channels)
    params = (
        *own.window_params(n, low), ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
        ("mult", Table("mult", mult)), ("shift", Table("shift", shift)),
    )  # fmt: skip
    args = (Ref(layer.x.id), Table("weights", w.data), _wide.bias_table(layer, channels), Ref(n.y.id), None)
    name = "tm_transpose_conv_i16"
    return (KernelCall(name, "transpose_conv_i16", f"{name}_params", params, args),)


def wide_case(case: Case) -> Case:
    shape, w, *rest = case.inputs
    inputs = (shape, w, *map(_wide.widened, rest))
    return replace(case, name=f"int16_{case.name}", inputs=inputs, outputs=tuple(map(_wide.widened, case.outputs)))


def cases(spec: OpSpec) -> Iterable[Case]:
    return (wide_case(c) for c in spec.cases() if c.outputs[0].dtype is DType.INT8)


SUPPORT = TypeSupport("TRANSPOSE_CONV", DType.INT16, infer, reference, lower, cases, _wide.DTYPES)
