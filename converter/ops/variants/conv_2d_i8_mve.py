"""CONV_2D for Armv8.1-M with Helium: two pixels and four output channels together, 16 products an instruction. Layout and
arithmetic: tm/conv_2d_mve.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, _window
from tinyml.ops.variants import _four_mve
from tinyml.ops.variants._groups import firsts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant


def exponents(n: NodeView) -> np.ndarray | None:
    w = n.inputs[1]
    assert w is not None
    return _four_mve.exponents(*_channels.multipliers(n.x, w, n.y, w.shape[0]))


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    return not n.is_float and w.shape[3] == n.x.shape[3] and w.shape[0] >= 4 and exponents(n) is not None


def stream(weights: np.ndarray, bias: np.ndarray, mult: np.ndarray, e: np.ndarray) -> np.ndarray:
    """int32 words of all groups; weights int8 [CO,K], CO >= 4."""
    out = b""
    for at in firsts(len(weights), 4).tolist():
        four = slice(at, at + 4)
        out += _four_mve.ints(bias[four]) + _four_mve.interleaved(weights[four]) + _four_mve.ints(mult[four]) + _four_mve.ints(-e[four])
    return _four_mve.words(out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, e = n.inputs[1], exponents(n)
    assert w is not None and w.data is not None and e is not None
    weights = w.data.reshape(w.shape[0], -1)
    bias = _channels.folded_bias(n.x, n.input(2), weights.sum(1, dtype=np.int64))
    mult, _ = _channels.multipliers(n.x, w, n.y, len(weights))
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), *_four_mve.output_fields(n))
    table = Table("weights", stream(weights, bias, mult, e))
    return (
        KernelCall(
            "tm_conv_2d_i8_mve", "conv_2d_mve", "tm_conv_2d_i8_mve_params", params,
            (Ref(n.x.id), table, Ref(n.y.id), Scratch()), 2 * weights.shape[1],
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    pairs = (n.y.elements // co + 1) // 2
    gathered = 0.0 if kw * ci % _four_mve.LANES == 0 else 2 * kh * (8.0 + kw * ci / 5)
    return pairs * (-(-co // 4) * (16.0 * -(-kh * kw * ci // _four_mve.LANES) + 6.0 * kh + 33.0) + gathered + 140.0)


VARIANT = Variant("conv_2d_i8_mve", "CONV_2D", frozenset({"mve"}), applies, lower, instructions, code_bytes=2180)
