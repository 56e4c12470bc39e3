"""DEPTHWISE_CONV_2D for RV32IM, a row of four channels at a time, any window and stride. Layout and arithmetic:
tm/depthwise_conv_2d_group.h."""

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
    return n.x.shape[3] >= 4 and n.attrs.dilation[1] == 1 and scaled(n) is not None


def stream(s: Scaled) -> np.ndarray:
    kh, kw, c = s.weights.shape
    scale = 1 + s.any_sign  # the kernel takes one more bit where signs differ
    taps = (s.weights * scale).transpose(2, 1, 0).reshape(c, kh * kw)
    halves = np.ascontiguousarray(np.pad(taps, ((0, 0), (0, kh * kw % 2))), "<i2").view("<i4")
    q = _four.quarter(s.q, s.any_sign)
    rows = np.concatenate([(s.bias * scale)[:, None], halves, np.stack([q.mult, q.add, q.shift], 1)], 1).astype(np.int32)
    return np.concatenate([rows[at : at + 4].reshape(-1) for at in firsts(c, 4).tolist()])


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    s = scaled(n)
    assert s is not None
    kh, kw, _ = s.weights.shape
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", s.any_sign))
    columns = (n.y.shape[2] - 1) * n.attrs.stride[1] + kw
    return (
        KernelCall(
            "tm_depthwise_conv_2d_i8_group_rv", "depthwise_conv_2d_group", "tm_depthwise_conv_2d_i8_group_params", params,
            (Ref(n.x.id), Table("weights", stream(s)), Ref(n.y.id), Scratch()), 4 * kh * columns,
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    _, oh, ow, _ = n.y.shape
    groups, stride = -(-c // 4), n.attrs.stride[1]
    columns = min((ow - 1) * stride + kw, n.x.shape[2])
    if kh == kw == 3 and stride <= 2:
        return oh * groups * (columns * 11.0 + 4 * ow * (29.0 + 3.0 * stride) + 200.0)
    return oh * groups * (columns * kh * 5.0 + kh * 15.0 + 4 * (ow * (3.4 * kh * kw + 20.0) + 40.0) + 60.0)


VARIANT = Variant("depthwise_conv_2d_i8_group_rv", "DEPTHWISE_CONV_2D", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=5180)
