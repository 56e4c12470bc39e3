"""DEPTHWISE_CONV_2D of int16 activations and int8 weights. Kernel: tm/depthwise_conv_2d_i16.h.

Numerics: LiteRT reference_integer_ops::DepthwiseConvPerChannel of int16.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _channels, _window, depthwise_conv_2d
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Table
from tinyml.variants import cheapest

MAX_TAPS = 512  # products of an int16 and an int8 value that an int32 sum holds, and one more


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    w = n.inputs[1]
    assert w is not None
    _wide.check_activations(n.x, n.y)
    shapes = depthwise_conv_2d.infer(_wide.twin(n))
    _wide.check_layer(n, w.shape[3], MAX_TAPS)
    _wide.multipliers(n, w.shape[3])
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    co = n.y.shape[3]
    acc = depthwise_conv_2d.products(n, arrays[0]) + _channels.bias_values(n.input(2), co, np.int64)
    return (_wide.clipped(_wide.requant(acc, *_wide.multipliers(n, co)), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    _, kh, kw, co = w.shape
    mult, shift = _wide.multipliers(n, co)
    params = (
        *_window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad), ("multiplier", co // n.x.shape[3]),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]), ("mult", Table("mult", mult)), ("shift", Table("shift", shift)),
    )  # fmt: skip
    args = (Ref(n.x.id), Table("weights", w.data), _wide.bias_table(n, co), Ref(n.y.id), None)
    name = "tm_depthwise_conv_2d_i16"
    portable = (KernelCall(name, "depthwise_conv_2d_i16", f"{name}_params", params, args),)
    return cheapest(n, low, portable, 10.0 * depthwise_conv_2d.macs(n) + 100.0 * n.y.elements)


def cases(spec: OpSpec) -> Iterable[Case]:
    return map(_wide.weighted_case, _wide.int8_cases(spec))


SUPPORT = TypeSupport("DEPTHWISE_CONV_2D", DType.INT16, infer, reference, lower, cases, _wide.DTYPES)
