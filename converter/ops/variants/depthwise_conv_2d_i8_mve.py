"""DEPTHWISE_CONV_2D for Armv8.1-M with Helium: a window's rows interleaved into words, two pixels and four channels together.
Layout and arithmetic: tm/depthwise_conv_2d_mve.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, _window
from tinyml.ops.variants import _four_mve
from tinyml.ops.variants._groups import firsts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

MOST = 8  # rows or columns of a window
STRIP = 16  # TM_DEPTHWISE_MVE_STRIP
COLUMN_BYTES, PAD_BYTES = 64, 16


def shape(kh: int, kw: int) -> tuple[int, int]:
    """(planes, operands)."""
    if kh > 4:
        return 2, 3 if kw <= 6 else 4
    return 1, 1 if kw <= 4 else 2


def exponents(n: NodeView) -> np.ndarray | None:
    w = n.inputs[1]
    assert w is not None
    return _four_mve.exponents(*_channels.multipliers(n.x, w, n.y, w.shape[3]))


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    plain = not n.is_float and c == n.x.shape[3] and c >= 4 and tuple(n.attrs.clamp) == (-128, 127)
    return plain and kh <= MOST and kw <= MOST and n.attrs.dilation[1] == 1 and exponents(n) is not None


def operands(weights: np.ndarray) -> np.ndarray:
    """int8 [C,V,16] of int8 [KH,KW,C]."""
    kh, kw, c = weights.shape
    planes, count = shape(kh, kw)
    columns = 4 * count // planes
    room = np.zeros((4 * planes, columns, c), np.int8)
    room[:kh, :kw] = weights
    # [plane, row, column, channel] -> [channel, column, plane, row]
    return room.reshape(planes, 4, columns, c).transpose(3, 2, 0, 1).reshape(c, count, 16)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    w, e = n.inputs[1], exponents(n)
    assert w is not None and w.data is not None and e is not None
    _, kh, kw, c = w.shape
    bias = _channels.folded_bias(n.x, n.input(2), w.data.reshape(-1, c).sum(0, dtype=np.int64))
    mult, _ = _channels.multipliers(n.x, w, n.y, c)
    packed, stream = operands(w.data[0]), b""
    for at in firsts(c, 4).tolist():
        four = slice(at, at + 4)
        stream += packed[four].tobytes() + _four_mve.ints(bias[four]) + _four_mve.ints(mult[four]) + _four_mve.ints(-e[four])
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("out_zero_point", n.y.zero_point))
    planes, count = shape(kh, kw)
    # the last pixel's operands may read columns behind the last one, whose weights are 0
    columns = (min(n.y.shape[2], STRIP) - 1) * n.attrs.stride[1] + max(kw, 4 * count // planes)
    return (
        KernelCall(
            "tm_depthwise_conv_2d_i8_mve", "depthwise_conv_2d_mve", "tm_depthwise_conv_2d_i8_mve_params", params,
            (Ref(n.x.id), Table("weights", _four_mve.words(stream)), Ref(n.y.id), Scratch()),
            PAD_BYTES + planes * COLUMN_BYTES * columns,
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    _, kh, kw, c = w.shape
    _, oh, ow, _ = n.y.shape
    planes, count = shape(kh, kw)
    columns = min(ow * n.attrs.stride[1] + kw, n.x.shape[2] + 2)
    blocks, strips = -(-c // 16), -(-ow // STRIP)
    groups = -(-c // 4)
    pairs = (ow + 1) // 2
    return oh * (
        pairs * (groups * (20.0 * count + 26.0) + blocks * 20.0) + blocks * planes * (14.0 * columns + 90.0 * strips) + 60.0 * blocks
    )


VARIANT = Variant("depthwise_conv_2d_i8_mve", "DEPTHWISE_CONV_2D", frozenset({"mve"}), applies, lower, instructions, code_bytes=2760)
