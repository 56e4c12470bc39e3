"""DEPTHWISE_CONV_2D for Armv7E-M, windows of 3, 5 or 7 rows: a row of the output from columns that are widened and paired
once. Layout and arithmetic: tm/depthwise_conv_2d_columns.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants._scaled import Scaled, halves, scaled
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

POINTER_BYTES = 4
HEIGHTS = tuple((f"TM_DEPTHWISE_CONV_2D_COLUMNS_HEIGHT_{h}", size) for h, size in ((3, 950), (5, 210), (7, 230)))  # in one form


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    return w.shape[1] in (3, 5, 7) and n.attrs.dilation[1] == 1 and n.x.shape[3] >= 4 and scaled(n) is not None


def stream(s: Scaled) -> np.ndarray:
    kh, kw, c = s.weights.shape
    out = []
    for at in firsts(c, 4).tolist():
        four = slice(at, at + 4)
        out.append(s.bias[four])
        for kx in range(kw):
            out += [halves(s.weights[ky, kx, four], s.weights[ky + 1, kx, four]) for ky in range(0, kh - 1, 2)]
            out.append(halves(s.weights[-1, kx, at : at + 2], s.weights[-1, kx, at + 2 : at + 4]))
        out.append(np.stack([s.q.mult[four], s.q.add[four], s.q.shift[four]], 1).reshape(-1))
    return np.concatenate(out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    s = scaled(n)
    assert s is not None
    kh, kw, _ = s.weights.shape
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", s.any_sign))
    columns = (n.y.shape[2] - 1) * n.attrs.stride[1] + kw
    heights = ((part, part.endswith(str(kh))) for part, _ in HEIGHTS)
    return (
        KernelCall(
            "tm_depthwise_conv_2d_i8_columns_dsp", "depthwise_conv_2d_columns", "tm_depthwise_conv_2d_i8_columns_params", params,
            (Ref(n.x.id), Table("weights", stream(s)), Ref(n.y.id), Scratch()), 8 * kh * columns + 2 * POINTER_BYTES * kh + 4,
            parts=(*_requant.form_parts("DEPTHWISE_CONV_2D_COLUMNS", s.any_sign), *heights),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    _, oh, ow, _ = n.y.shape
    columns = min((ow - 1) * n.attrs.stride[1] + kw, n.x.shape[2])
    if kh == kw == 3:
        return oh * (-(-c // 4) * (64.0 * ow + 17.0 * columns + 32.0) + 250.0)
    pixel, column = kw * (6.0 * (kh // 2) + 9.0) + 29.0, 16.0 * (kh // 2) + 10.0
    return oh * (-(-c // 4) * (ow * pixel + columns * column + 45.0 + 15.0 * kh) + 25.0 * kh)


VARIANT = Variant(
    "depthwise_conv_2d_i8_columns_dsp",
    "DEPTHWISE_CONV_2D",
    frozenset({"dsp"}),
    applies,
    lower,
    instructions,
    code_bytes=700,
    parts=HEIGHTS,
)
