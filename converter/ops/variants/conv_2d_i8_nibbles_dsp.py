"""CONV_2D with weights of 4 or 2 bits for Armv7E-M, three pixels together on packed pairs of output channels: a half or a quarter of
int8's bytes, about 0.8 instructions per MAC in the inner loop. Layout and arithmetic: tm/conv_2d_nibbles.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _packed, _window
from tinyml.ops.variants import _pairs, _requant
from tinyml.ops.variants.conv_2d_i8_pairs_dsp import constants, parts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

SCALE = {4: 16, 2: 64}  # of a weight in its half word
BIAS = (256, 2)  # by any_sign: what the sum arrives multiplied by


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    if not w.dtype.packed or _packed.activations_packed(n) or w.shape[0] < 2 or tuple(n.attrs.clamp) != (-128, 127):
        return False
    weights, bias, _, _ = parts(n)
    lo, hi = _requant.bounds(weights, np.zeros_like(bias))
    limit = (1 << 31) // (256 * SCALE[w.dtype.bits])
    return bool((lo > -limit).all() and (hi < limit).all()) and constants(n) is not None


def words(a: np.ndarray, b: np.ndarray, bits: int) -> np.ndarray:
    """int32 [.., W] for channels a and b, int8 [.., K]: fields of `bits` in each byte, lowest first."""
    per, offset, mask = 8 // bits, 1 << (bits - 1), (1 << bits) - 1
    room = [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % (2 * per))]
    low = np.pad(a.astype(np.int64), room) + offset
    both = low | (np.pad(b.astype(np.int64), room) & mask) << 8
    order = _pairs.order(both.shape[-1])
    halves = both[..., order[:, 0]] | both[..., order[:, 1]] << 16
    fields = halves.reshape(*halves.shape[:-1], -1, per) << (np.arange(per) * bits)
    return _pairs.wrapped(np.bitwise_or.reduce(fields, axis=-1))


def stream(weights: np.ndarray, bias: np.ndarray, q: _requant.Constants, any_sign: int, bits: int) -> np.ndarray:
    """int32 records and words of all pairs of channels; weights int8 [CO,K], CO >= 2, bias [CO] with the zero point folded in."""
    first = np.minimum(np.arange(0, len(weights), 2), len(weights) - 2)
    second = first + 1
    wide = bias.astype(np.int64) * BIAS[any_sign]
    numbers = [v[at] for at in (first, second) for v in (q.mult, q.add, q.shift)]
    records = np.stack([_pairs.wrapped(wide[first]), _pairs.wrapped(wide[second]), *numbers], 1)
    return np.concatenate([records.reshape(-1), words(weights[first], weights[second], bits).reshape(-1)]).astype(np.int32)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found, w = constants(n), n.inputs[1]
    assert found is not None and w is not None
    weights, bias, _, _ = parts(n)
    k, bits = weights.shape[1], w.dtype.bits
    unit = 2 * (8 // bits)
    gathered = _packed.round_up_4(k) if w.shape[1] * w.shape[2] > 1 else 0
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", found[1]), ("weight_bits", bits))
    table = Table("weights", stream(weights, bias, *found, bits))
    return (
        KernelCall(
            "tm_conv_2d_i8_nibbles_dsp", "conv_2d_nibbles", "tm_conv_2d_i8_nibbles_params", params,
            (Ref(n.x.id), table, Ref(n.y.id), Scratch()), 12 + 6 * -(-k // unit) * unit + gathered,
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    k, pixels = kh * kw * ci, n.y.elements // co
    gathering = 1.2 * k + 60.0 * kh if kh * kw > 1 else 0.0
    return -(-pixels // 3) * ((co + 1) // 2 * (19.0 * -(-k // 4) + 52.0) + 50.0) + pixels * (1.9 * k + 40.0 + gathering)


VARIANT = Variant("conv_2d_i8_nibbles_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=4670, packed=True)
