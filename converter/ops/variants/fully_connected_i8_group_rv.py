"""FULLY_CONNECTED for RV32IM, 16 or 4 output channels together: one byte per weight. Layout and arithmetic:
tm/fully_connected_group.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.ops.variants import _four, _requant
from tinyml.ops.variants.fully_connected_i8_pairs_dsp import constants
from tinyml.opspec import KernelCall, Lowering, Ref, Table
from tinyml.variants import Variant

WIDE = 16  # output channels of a large group


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    return not n.is_float and w.shape[0] >= 4 and tuple(n.attrs.clamp) == (-128, 127) and constants(n) is not None


def groups(units: int) -> list[slice]:
    wide = units // WIDE * WIDE
    out = [slice(at, at + WIDE) for at in range(0, wide, WIDE)]
    return out + [slice(at, at + 4) for at in np.minimum(np.arange(wide, units, 4), units - 4).tolist()]


def stream(weights: np.ndarray, bias: np.ndarray, q: _requant.Constants) -> np.ndarray:
    """int32 words of all groups; weights int8 [M,K], M >= 4, bias int32 [M] with the zero point folded in."""
    return _four.words(
        b"".join(bias[g].astype("<i4").tobytes() + weights[g].T.tobytes() + _four.constants(q, g) for g in groups(len(weights)))
    )


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, q = n.inputs[1], constants(n)
    assert w is not None and w.data is not None and q is not None
    bias = _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64))
    params = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c"))
    return (
        KernelCall(
            "tm_fully_connected_i8_group_rv", "fully_connected_group", "tm_fully_connected_i8_group_params", params,
            (Ref(n.x.id), Table("weights", stream(w.data, bias, q)), Ref(n.y.id), None),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    units, k = w.shape
    wide, fours = units // WIDE, -(-(units % WIDE) // 4)
    return n.y.elements // units * (wide * (49.8 * k + 240.0) + fours * (13.8 * k + 80.0) + 90.0)


VARIANT = Variant("fully_connected_i8_group_rv", "FULLY_CONNECTED", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=2370)
