"""CONV_2D of int16 activations and int8 weights. Kernel: tm/conv_2d_i16.h.

Numerics: LiteRT reference_integer_ops::ConvPerChannel<int16, int64 bias>. LiteRT wants a bias here.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _window, conv_2d
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Table, supported
from tinyml.variants import cheapest


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    w = n.inputs[1]
    assert w is not None
    _wide.check_activations(n.x, n.y)
    supported(n.input(2) is not None, "no bias, which LiteRT's 16x8 convolution wants")
    shapes = conv_2d.infer(_wide.twin(n))
    _wide.check_layer(n, w.shape[0], 1 << 22)
    _wide.multipliers(n, w.shape[0])
    return shapes


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    return (_wide.clipped(_wide.requant(conv_2d.accumulators(n, arrays[0]), *_wide.multipliers(n, n.y.shape[3])), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    co, kh, kw, ci = w.shape
    mult, shift = _wide.multipliers(n, co)
    params = (
        *_window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad), ("groups", n.x.shape[3] // ci),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]), ("mult", Table("mult", mult)), ("shift", Table("shift", shift)),
    )  # fmt: skip
    args = (Ref(n.x.id), Table("weights", w.data), _wide.bias_table(n, co), Ref(n.y.id), None)
    portable = (KernelCall("tm_conv_2d_i16", "conv_2d_i16", "tm_conv_2d_i16_params", params, args),)
    return cheapest(n, low, portable, 6.0 * conv_2d.macs(n) + 120.0 * n.y.elements)


def cases(spec: OpSpec) -> Iterable[Case]:
    return (_wide.weighted_case(c) for c in _wide.int8_cases(spec) if len(c.inputs) == 3)


SUPPORT = TypeSupport("CONV_2D", DType.INT16, infer, reference, lower, cases, _wide.DTYPES)
