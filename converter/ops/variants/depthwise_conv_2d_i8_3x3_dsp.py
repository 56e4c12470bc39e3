"""DEPTHWISE_CONV_2D for Armv7E-M, 3x3 with a ReLU behind it: four outputs requantised and stored together. Layout and
arithmetic: tm/depthwise_conv_2d_3x3.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, _window
from tinyml.ops.variants import _packed, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants._scaled import halves
from tinyml.ops.variants._sixteen import LEAST, Sixteen, sixteen
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table, Value
from tinyml.variants import Variant

COLUMN_BYTES, GROUP_BYTES = 24, 120
UNPACKS = "tm_unpack_3x3_dsp"
UNPACK = 57.0  # instructions per channel


def parts(n: NodeView) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights int8 [3,3,C], bias with the zero point folded in, mult, shift."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    c = w.shape[3]
    return w.data[0], _channels.folded_bias(n.x, n.input(2), w.data[0].sum((0, 1), dtype=np.int64)), *_channels.multipliers(n.x, w, n.y, c)


def constants(n: NodeView) -> Sixteen | None:
    weights, bias, mult, shift = parts(n)
    lo, hi = _requant.bounds(weights.reshape(9, -1).T, bias)
    return sixteen(mult, shift, n.y.zero_point, lo, hi)


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    plain = not n.is_float and w.shape[3] == n.x.shape[3] >= 4 and tuple(n.attrs.clamp) == (-128, 127)
    return plain and w.shape[1:3] == (3, 3) and n.attrs.dilation[1] == 1 and constants(n) is not None


def stream(weights: np.ndarray, bias: np.ndarray, q: Sixteen) -> np.ndarray:
    """int32 words of all groups."""
    scaled = weights.astype(np.int64) << q.scale
    wide = (bias.astype(np.int64) + q.offset << q.scale + LEAST).astype(np.int32)  # a constant channel's sum is not used
    c = len(bias)
    out = []
    for at in firsts(c, 4).tolist():
        for first in (at, at + 1):
            two = slice(first, first + 3, 2)
            out.append(wide[two])
            out += [halves(scaled[0, kx, two], scaled[1, kx, two]) for kx in range(3)]
            out.append(halves(scaled[2, :, first], scaled[2, :, first + 2]))
            out += [q.mult[two].astype(np.int32), q.add[two].astype(np.int32)]
    return np.concatenate(out)


def _call(n: NodeView, portable: tuple[KernelCall, ...], table: np.ndarray, packed: tuple[Value, ...], more: int) -> KernelCall:
    """`more`: bytes of scratch for unpacked constants."""
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    columns = (n.y.shape[2] - 1) * n.attrs.stride[1] + 3
    params = (*window, ("pad_value", n.x.zero_point), ("packed", packed))
    args = (Ref(n.x.id), Table("weights", table), Ref(n.y.id), Scratch())
    name = "depthwise_conv_2d_i8_3x3"
    return KernelCall(
        f"tm_{name}_dsp", "depthwise_conv_2d_3x3", f"tm_{name}_params", params, args, columns * COLUMN_BYTES + 4 + more,
        uses=(UNPACKS,) if more else (), loops=(UNPACKS,), parts=((_packed.PART, more > 0),),
    )  # fmt: skip


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    q = constants(n)
    assert q is not None
    weights, bias, _, _ = parts(n)
    return (_call(n, portable, stream(weights, bias, q), _packed.NONE, 0),)


def smaller(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[tuple[KernelCall, ...], float] | None:
    """With the file's weights and packed constants, from which each call makes the stream."""
    q = constants(n)
    assert q is not None
    weights, bias, mult, shift = parts(n)
    packed = _packed.pack(n, bias, mult, shift) if q.plain and len(bias) % 2 == 0 else None
    if packed is None:
        return None
    c, taps = len(bias), weights.reshape(9, -1).T.astype(np.int8).tobytes()
    table = np.concatenate([packed[0], np.frombuffer(taps + bytes(-len(taps) % 4), "<i4")])
    return (_call(n, portable, table, packed[1], -(-c // 4) * GROUP_BYTES),), UNPACK * c


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    c = w.shape[3]
    _, oh, ow, _ = n.y.shape
    columns = min((ow - 1) * n.attrs.stride[1] + 3, n.x.shape[2])
    return oh * (-(-c // 4) * (55.0 * ow + 17.0 * columns + 22.0) + 100.0)


VARIANT = Variant(
    "depthwise_conv_2d_i8_3x3_dsp", "DEPTHWISE_CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=1600,
    smaller=smaller, unpacks=UNPACKS,
)
