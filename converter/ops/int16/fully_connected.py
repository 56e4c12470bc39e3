"""FULLY_CONNECTED of int16 activations and int8 weights. Kernel: tm/fully_connected_i16.h.

Numerics: LiteRT reference_integer_ops::FullyConnected of int16: one product in double, rounded once with halves away from zero,
unlike its 16x8 convolutions (measured on ai-edge-litert 2.3.0). The same with a bias of int32, as long as sums fit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops import _channels, fully_connected
from tinyml.ops._round_once import round_half_away
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, KernelCall, Lowering, OpSpec, Ref, Table, require, supported
from tinyml.variants import cheapest


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    w = n.inputs[1]
    assert w is not None
    require(len(w.shape) == 2, f"weights have rank {len(w.shape)}, not 2")
    _channels.check_types(*(t for t in _wide.twin(n).inputs[:2]), _wide.twin(n).input(2), _wide.twin(n).y, w.shape[0], axis=0)
    _wide.check_layer(n, w.shape[0], 1 << 22, short=True)
    supported(w.shape[0] <= fully_connected.MAX_UNITS, f"{w.shape[0]} units, more than {fully_connected.MAX_UNITS}")
    return (fully_connected.output_shape(n),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    x, w = arrays[0], n.inputs[1]
    assert x is not None and w is not None and w.data is not None
    acc = x.reshape(-1, w.shape[1]).astype(np.float64) @ w.data.T.astype(np.float64)  # exact: |sum| < 2^53
    acc += _channels.bias_values(n.input(2), w.shape[0], np.float64)
    return (_wide.clipped(round_half_away(acc * fully_connected.real_multipliers(n)), n),)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    w, a = n.inputs[1], n.attrs
    assert w is not None and w.data is not None
    units, k = w.shape
    params = (
        ("rows", n.x.elements // k), ("in_c", k), ("out_c", units), ("clamp_lo", a.clamp[0]), ("clamp_hi", a.clamp[1]),
        ("scale", Table("scale", fully_connected.real_multipliers(n))),
    )  # fmt: skip
    args = (Ref(n.x.id), Table("weights", w.data), _wide.bias_table(n, units), Ref(n.y.id), None)
    name = "tm_fully_connected_i16"
    portable = (KernelCall(name, "fully_connected_i16", f"{name}_params", params, args),)
    return cheapest(n, low, portable, 5.0 * fully_connected.macs(n) + 200.0 * n.y.elements)


def cases(spec: OpSpec) -> Iterable[Case]:
    for case in map(_wide.weighted_case, _wide.int8_cases(spec)):
        yield case
        if len(case.inputs) == 3 and case.inputs[2] is not None:
            yield _wide.short_bias_case(case)


SUPPORT = TypeSupport("FULLY_CONNECTED", DType.INT16, infer, reference, lower, cases, _wide.DTYPES, check_options=_wide.check_bias_option)
