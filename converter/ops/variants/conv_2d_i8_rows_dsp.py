"""CONV_2D for Armv7E-M on packed pairs of output channels, one row of the kernel after the other: less scratch than
conv_2d_i8_pairs_dsp. Layout and arithmetic: tm/conv_2d_rows.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _pairs, conv_2d_i8_pairs_dsp
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants.conv_2d_i8_pairs_dsp import SHIFTED, exact, parts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, ci = w.shape
    return kh > 1 and ci % 4 == 0 and kw * ci % 8 == 0 and conv_2d_i8_pairs_dsp.applies(n, low) and exact(n, SHIFTED) is not None


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found, w = exact(n, SHIFTED), n.inputs[1]
    assert found is not None and w is not None
    q, any_sign = found
    weights, bias, _, _ = parts(n)
    co, kh, kw, ci = w.shape
    a = firsts(co, 2)
    b = a + 1
    rows = weights.reshape(co, kh, kw * ci)
    words = np.concatenate([_pairs.words(rows[a, ky], rows[b, ky]).reshape(-1) for ky in range(kh)])
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    return (
        KernelCall(
            "tm_conv_2d_i8_rows_dsp", "conv_2d_rows", "tm_conv_2d_i8_rows_params",
            (*window, ("pad_value", n.x.zero_point), ("any_sign", any_sign)),
            (Ref(n.x.id), Table("weights", words), Table("weights", _pairs.records(bias, _pairs.of_pairs(q))), Ref(n.y.id), Scratch()),
            4 * kw * ci + 16 * len(a),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    pixels = n.y.elements // co
    row = (co + 1) // 2 * (2.95 * kw * ci + 15.0) + 4.0 * kw * ci + 100.0
    return (pixels + pixels % 2) / 2 * (kh * row + (co + 1) // 2 * 80.0 + 60.0)


VARIANT = Variant("conv_2d_i8_rows_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=1590)
