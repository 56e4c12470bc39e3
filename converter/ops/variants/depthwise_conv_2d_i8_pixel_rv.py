"""DEPTHWISE_CONV_2D for RV32IM, pixel by pixel: for outputs of a few columns, any window. Layout and arithmetic:
tm/depthwise_conv_2d_pixel.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _four
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants._scaled import Scaled, scaled
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.shape[3] >= 4 and scaled(n) is not None


def stream(s: Scaled) -> np.ndarray:
    kh, kw, c = s.weights.shape
    scale = 1 + s.any_sign  # the kernel takes one more bit where signs differ
    taps, bias = (s.weights * scale).reshape(kh * kw, c), s.bias * scale
    q = _four.quarter(s.q, s.any_sign)
    constants = np.stack([q.mult, q.add, q.shift], 1)
    out = []
    for at in firsts(c, 4).tolist():
        four = slice(at, at + 4)
        out += [bias[four], np.ascontiguousarray(taps[:, four], "<i2").view("<i4").reshape(-1), constants[four].reshape(-1)]
    return np.concatenate(out).astype(np.int32)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    s = scaled(n)
    assert s is not None
    kh, kw, c = s.weights.shape
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", s.any_sign))
    return (
        KernelCall(
            "tm_depthwise_conv_2d_i8_pixel_rv", "depthwise_conv_2d_pixel", "tm_depthwise_conv_2d_i8_pixel_params", params,
            (Ref(n.x.id), Table("weights", stream(s)), Ref(n.y.id), Scratch()), 4 * kh * kw + c,
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    _, oh, ow, _ = n.y.shape
    windows = oh * (ow if any(n.attrs.pad) and ow < 8 else min(ow, 3))  # whose taps are listed
    return oh * ow * (-(-c // 4) * (20.0 * kh * kw + 85.0) + 40.0) + windows * 16.0 * kh * kw


VARIANT = Variant("depthwise_conv_2d_i8_pixel_rv", "DEPTHWISE_CONV_2D", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=1310)
