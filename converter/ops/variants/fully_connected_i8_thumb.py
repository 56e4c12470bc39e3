"""FULLY_CONNECTED for Armv6-M and Armv7-M without DSP instructions, four output channels together: one byte per weight. Layout and
arithmetic: tm/fully_connected_thumb.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.ops.variants import _four
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants.fully_connected_i8_group_rv import applies
from tinyml.ops.variants.fully_connected_i8_pairs_dsp import constants
from tinyml.opspec import KernelCall, Lowering, Ref, Table
from tinyml.variants import Variant


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, q = n.inputs[1], constants(n)
    assert w is not None and w.data is not None and q is not None
    bias = _channels.folded_bias(n.x, n.input(2), w.data.sum(1, dtype=np.int64))
    stream = b""
    for at in firsts(len(bias), 4).tolist():
        four = slice(at, at + 4)
        stream += bias[four].astype("<i4").tobytes() + w.data[four].T.tobytes() + _four.constants(q, four)
    params = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c"))
    return (
        KernelCall(
            "tm_fully_connected_i8_thumb", "fully_connected_thumb", "tm_fully_connected_i8_thumb_params", params,
            (Ref(n.x.id), Table("weights", _four.words(stream)), Ref(n.y.id), None),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    units, k = w.shape
    return n.y.elements // units * (-(-units // 4) * (10.0 * k + 70.0) + 20.0)


VARIANT = Variant("fully_connected_i8_thumb", "FULLY_CONNECTED", frozenset({"thumb"}), applies, lower, instructions, code_bytes=730)
