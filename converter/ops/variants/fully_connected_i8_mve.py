"""FULLY_CONNECTED for Armv8.1-M with Helium: four output channels together, 16 products an instruction. Layout and arithmetic:
tm/fully_connected_mve.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, fully_connected
from tinyml.ops.variants import _four_mve, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.opspec import KernelCall, Lowering, Ref, Table
from tinyml.variants import Variant


def constants(n: NodeView) -> _requant.Constants | None:
    """None where the accumulators are too large or a shift is out of range."""
    tables = fully_connected.exact_tables(n)
    if tables is None:
        return None
    return _requant.once(*tables, n.y.zero_point, *fully_connected.accumulator_bounds(n))


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    return not n.is_float and w.shape[0] >= 4 and constants(n) is not None


def stream(weights: np.ndarray, bias: np.ndarray, q: _requant.Constants) -> np.ndarray:
    """int32 words of all groups; weights int8 [M,K], M >= 4."""
    out = b""
    for at in firsts(len(weights), 4).tolist():
        four = slice(at, at + 4)
        out += _four_mve.interleaved(weights[four])
        out += b"".join(_four_mve.ints(v[four]) for v in (bias, q.mult, q.add, -q.shift))
    return _four_mve.words(out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, q = n.inputs[1], constants(n)
    assert w is not None and w.data is not None and q is not None
    bias = _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64))
    params = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c", "clamp_lo", "clamp_hi"))
    table = Table("weights", stream(w.data, bias, q))
    args = (Ref(n.x.id), table, Ref(n.y.id))
    return (KernelCall("tm_fully_connected_i8_mve", "fully_connected_mve", "tm_fully_connected_i8_mve_params", params, args),)


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    units, k = w.shape
    return n.y.elements // units * (-(-units // 4) * (10.0 * (k // 16) + (14.0 if k % 16 else 0.0) + 32.0) + 20.0)


VARIANT = Variant("fully_connected_i8_mve", "FULLY_CONNECTED", frozenset({"mve"}), applies, lower, instructions, code_bytes=310)
