"""CONV_2D for RV32IM with two pixels in one register: two multiplications for four products. Layout and arithmetic:
tm/conv_2d_swar.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _four
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants.conv_2d_i8_pairs_dsp import SHIFTED, exact, parts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

LEAST_WEIGHT = -127  # |x * w0 + x * w1| < 2^15


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    plain = not n.is_float and w.shape[3] == n.x.shape[3] and w.shape[0] >= 4 and tuple(n.attrs.clamp) == (-128, 127)
    return plain and int(w.data.min()) >= LEAST_WEIGHT and exact(n, SHIFTED) is not None


def stream(n: NodeView) -> np.ndarray:
    found = exact(n, SHIFTED)
    assert found is not None
    weights, bias, _, _ = parts(n)
    q = _four.quarter(*found)
    pairs = -(-weights.shape[1] // 2)
    high = bias.astype(np.int64)
    heads = np.stack([high, 65537 * high - 32768 * pairs], 1)
    heads = (heads & 0xFFFFFFFF).astype("<u4")
    out = b""
    for at in firsts(len(weights), 4).tolist():
        four = slice(at, at + 4)
        out += heads[four].tobytes() + _four.chunks(weights[four]).tobytes() + _four.constants(q, four)
    return _four.words(out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found, w = exact(n, SHIFTED), n.inputs[1]
    assert found is not None and w is not None
    k = w.shape[1] * w.shape[2] * w.shape[3]
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", found[1]))
    return (
        KernelCall(
            "tm_conv_2d_i8_swar_rv", "conv_2d_swar", "tm_conv_2d_i8_swar_params", params,
            (Ref(n.x.id), Table("weights", stream(n)), Ref(n.y.id), Scratch()), 16 * -(-k // 2) + n.x.shape[3],
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    k = kh * kw * ci
    pixels = n.y.elements // co
    return -(-pixels // 4) * (-(-co // 4) * (35.0 * k + 220.0) + 11.0 * k + 60.0 * kh + 250.0)


VARIANT = Variant("conv_2d_i8_swar_rv", "CONV_2D", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=5720)
