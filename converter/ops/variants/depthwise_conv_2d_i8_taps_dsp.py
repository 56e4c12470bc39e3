"""DEPTHWISE_CONV_2D for Armv7E-M, two taps of four channels together: any window, stride and dilation, nothing transposed.
Layout and arithmetic: tm/depthwise_conv_2d_taps.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants._scaled import Scaled, halves, parts, scaled
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

BYTES = 2  # the form of the smaller stream; 0 and 1 are any_sign


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.shape[3] >= 4 and scaled(n) is not None


def stream(s: Scaled) -> np.ndarray:
    kh, kw, c = s.weights.shape
    taps = s.weights.reshape(kh * kw, c)
    first = firsts(c, 4)
    out = []
    for at in first.tolist():
        four = slice(at, at + 4)
        out.append(s.bias[four].astype(np.int32))
        out += [halves(taps[t, four], taps[t + 1, four]) for t in range(0, kh * kw - 1, 2)]
        if kh * kw % 2:
            out.append(halves(taps[-1, at : at + 2], taps[-1, at + 2 : at + 4]))
        out.append(np.stack([s.q.mult[four], s.q.add[four], s.q.shift[four]], 1).reshape(-1))
    return np.concatenate(out)


def byte_stream(weights: np.ndarray, bias: np.ndarray, mult: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Of int8 weights [T,C]; bias int32 [C] with the zero point folded in, LiteRT's mult and shift."""
    t, c = weights.shape
    heads = (bias.astype(np.int64) << 8 | -shift.astype(np.int64) - 1).astype("<i4")
    out = []
    for at in firsts(c, 4).tolist():
        four = slice(at, at + 4)
        twos = weights[: t // 2 * 2, four].reshape(-1, 2, 2, 2)  # two taps of two and two channels
        out += [twos.transpose(0, 2, 1, 3), weights[t // 2 * 2 :, four], heads[four], mult[four].astype("<i4")]
    return np.frombuffer(b"".join(np.ascontiguousarray(v).tobytes() for v in out), "<i4")


def _call(n: NodeView, portable: tuple[KernelCall, ...], form: int, table: np.ndarray) -> KernelCall:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("form", form), ("zero_point", n.y.zero_point if form == BYTES else 0))
    return KernelCall(
        "tm_depthwise_conv_2d_i8_taps_dsp", "depthwise_conv_2d_taps", "tm_depthwise_conv_2d_i8_taps_params", params,
        (Ref(n.x.id), Table("weights", table), Ref(n.y.id), Scratch()), 4 * kh * kw + c,
        parts=(*_requant.form_parts("TAPS", form, form != BYTES), ("TM_TAPS_BYTES", form == BYTES)),
    )  # fmt: skip


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    s = scaled(n)
    assert s is not None
    return (_call(n, portable, s.any_sign, stream(s)),)


def smaller(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[tuple[KernelCall, ...], float] | None:
    """With int8 weights, which the loop widens, and 8 bytes of constants a channel instead of 16. Not by default for 3x3 windows on maps
    of more than 3x3 pixels: other kernels need half the time."""
    w = n.inputs[1]
    assert w is not None
    if low.optimize == "balanced" and w.shape[1:3] == (3, 3) and max(n.y.shape[1:3]) > 3:
        return None
    weights, bias, mult, shift = parts(n)
    lo, hi = _requant.bounds(weights.T, bias)
    if not _requant.twice(shift, lo, hi):
        return None
    t, c = weights.shape
    more = 4.0 * (t // 2) + 2.0 * (t % 2) + 22.0
    return (_call(n, portable, BYTES, byte_stream(weights, bias, mult, shift)),), n.y.elements / c * -(-c // 4) * more


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    pixels = n.y.elements // c
    return pixels * (-(-c // 4) * (14.0 * (kh * kw // 2) + 9.0 * (kh * kw % 2) + 33.0) + 75.0)


VARIANT = Variant(
    "depthwise_conv_2d_i8_taps_dsp",
    "DEPTHWISE_CONV_2D",
    frozenset({"dsp"}),
    applies,
    lower,
    instructions,
    code_bytes=1260,
    smaller=smaller,
    parts=(("TM_TAPS_ONE_SIGN", 436), ("TM_TAPS_ANY_SIGN", 452)),
)
