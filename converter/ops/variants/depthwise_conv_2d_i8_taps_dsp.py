"""DEPTHWISE_CONV_2D for Armv7E-M, two taps of four channels together: any window, stride and dilation, nothing transposed.
Layout and arithmetic: tm/depthwise_conv_2d_taps.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _requant
from tinyml.ops.variants._scaled import Scaled, halves, scaled
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.shape[3] >= 4 and scaled(n) is not None


def stream(s: Scaled) -> np.ndarray:
    kh, kw, c = s.weights.shape
    taps = s.weights.reshape(kh * kw, c)
    first = np.minimum(np.arange(0, c, 4), c - 4)
    out = []
    for at in first.tolist():
        four = slice(at, at + 4)
        out.append(s.bias[four].astype(np.int32))
        out += [halves(taps[t, four], taps[t + 1, four]) for t in range(0, kh * kw - 1, 2)]
        if kh * kw % 2:
            out.append(halves(taps[-1, at : at + 2], taps[-1, at + 2 : at + 4]))
        out.append(np.stack([s.q.mult[four], s.q.add[four], s.q.shift[four]], 1).reshape(-1))
    return np.concatenate(out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    s = scaled(n)
    assert s is not None
    kh, kw, c = s.weights.shape
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", s.any_sign))
    return (
        KernelCall(
            "tm_depthwise_conv_2d_i8_taps_dsp", "depthwise_conv_2d_taps", "tm_depthwise_conv_2d_i8_taps_params", params,
            (Ref(n.x.id), Table("weights", stream(s)), Ref(n.y.id), Scratch()), 4 * kh * kw + c,
            parts=_requant.form_parts("TAPS", s.any_sign),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    pixels = n.y.elements // c
    return pixels * (-(-c // 4) * (14.0 * (kh * kw // 2) + 9.0 * (kh * kw % 2) + 33.0) + 75.0)


VARIANT = Variant("depthwise_conv_2d_i8_taps_dsp", "DEPTHWISE_CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=1530)
