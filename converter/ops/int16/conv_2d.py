"""CONV_2D of int16 activations and int8 weights. Kernels: tm/conv_2d_i16.h, with a bias of int32 tm/conv_2d_i16_b32.h.

Numerics: LiteRT reference_integer_ops::ConvPerChannel<int16, int64 bias>; with a bias of int32 sums of 32 bits and the two roundings of
int8. LiteRT wants a bias here.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.numerics import requant
from tinyml.op_types import TypeSupport
from tinyml.ops import _channels, _window, conv_2d
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Table, supported
from tinyml.variants import cheapest


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    w = n.inputs[1]
    assert w is not None
    _wide.check_activations(n.x, n.y)
    supported(n.input(2) is not None, "no bias, which LiteRT's 16x8 convolution wants")
    shapes = conv_2d.infer(_wide.twin(n))
    _wide.check_layer(n, w.shape[0], 1 << 22, short=True)
    _multipliers(n)
    return shapes


def _multipliers(n: NodeView) -> tuple[np.ndarray, np.ndarray]:
    """Of the kernel that the bias chooses."""
    w = n.inputs[1]
    assert w is not None
    if _wide.has_short_bias(n):
        return _channels.multipliers(n.x, w, n.y, w.shape[0])
    return _wide.multipliers(n, w.shape[0])


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    assert arrays[0] is not None
    rounded = requant if _wide.has_short_bias(n) else _wide.requant
    return (_wide.clipped(rounded(conv_2d.accumulators(n, arrays[0]), *_multipliers(n)), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    a, w = n.attrs, n.inputs[1]
    assert w is not None and w.data is not None
    co, kh, kw, ci = w.shape
    mult, shift = _multipliers(n)
    params = (
        *_window.window_params(n, low, (kh, kw), a.stride, a.dilation, a.pad), ("groups", n.x.shape[3] // ci),
        ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]), ("mult", Table("mult", mult)), ("shift", Table("shift", shift)),
    )  # fmt: skip
    short = _wide.has_short_bias(n)
    bias = Table("bias", _channels.bias_values(n.input(2), co, np.int32)) if short else _wide.bias_table(n, co)
    args, name = (Ref(n.x.id), Table("weights", w.data), bias, Ref(n.y.id), None), "conv_2d_i16_b32" if short else "conv_2d_i16"
    portable = (KernelCall(f"tm_{name}", name, f"tm_{name}_params", params, args),)
    return cheapest(n, low, portable, 6.0 * conv_2d.macs(n) + 120.0 * n.y.elements)


def cases(spec: OpSpec) -> Iterable[Case]:
    for case in _wide.int8_cases(spec):
        if len(case.inputs) == 3:
            yield _wide.weighted_case(case)
            yield _wide.short_bias_case(_wide.weighted_case(case))


SUPPORT = TypeSupport("CONV_2D", DType.INT16, infer, reference, lower, cases, _wide.DTYPES, check_options=_wide.check_bias_option)
