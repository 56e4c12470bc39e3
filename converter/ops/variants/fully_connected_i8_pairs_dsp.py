"""FULLY_CONNECTED for Armv7E-M on packed pairs of output channels, four channels together: one byte per weight. Layout and
arithmetic: tm/fully_connected_pairs.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, fully_connected
from tinyml.ops.variants import _pairs, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant


def constants(n: NodeView) -> _requant.Constants | None:
    """None where the accumulators are too large or a shift is out of range."""
    lo, hi = fully_connected.accumulator_bounds(n)
    tables = fully_connected.exact_tables(n)
    if tables is None:
        return None
    return _requant.once(*tables, n.y.zero_point, lo, hi)


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    plain = not n.is_float and w.shape[0] >= 4 and tuple(n.attrs.clamp) == (-128, 127)
    return plain and _pairs.can_pack(w.data) and constants(n) is not None


def stream(weights: np.ndarray, bias: np.ndarray, q: _requant.Constants) -> np.ndarray:
    """int32 words of all groups; weights int8 [M,K], M >= 4, bias int32 [M] with the zero point folded in."""
    units = len(weights)
    first = firsts(units, 4)
    ab = _pairs.words(weights[first], weights[first + 1])
    cd = _pairs.words(weights[first + 2], weights[first + 3])
    b = bias.astype(np.int64)
    head = np.stack([v for k in (0, 2) for v in (b[first + k], b[first + k] + 256 * b[first + k + 1])], 1)
    constants = np.stack([v[first + k] for k in range(4) for v in (q.mult, q.add, q.shift)], 1)
    body = np.stack([ab, cd], 2).reshape(len(first), -1)
    return np.concatenate([_pairs.wrapped(head), body, constants], 1).astype(np.int32).reshape(-1)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, q = n.inputs[1], constants(n)
    assert w is not None and w.data is not None and q is not None
    bias = _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64))
    params = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c"))
    return (
        KernelCall(
            "tm_fully_connected_i8_pairs_dsp", "fully_connected_pairs", "tm_fully_connected_i8_pairs_params", params,
            (Ref(n.x.id), Table("weights", stream(w.data, bias, q)), Ref(n.y.id), Scratch()), 8 * -(-w.shape[1] // 4),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    units, k = w.shape
    return n.y.elements // units * (-(-units // 4) * (13.6 * -(-k // 4) + 38.0) + 1.5 * k + 40.0)


VARIANT = Variant("fully_connected_i8_pairs_dsp", "FULLY_CONNECTED", frozenset({"dsp"}), applies, lower, instructions, code_bytes=1010)
