"""CONV_2D with weights of 4 or 2 bits for Armv7E-M, three pixels together on packed pairs of output channels: a half or a quarter of
int8's bytes, about 0.8 instructions per MAC in the inner loop. Layout and arithmetic: tm/conv_2d_nibbles.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _packed, _window
from tinyml.ops.variants import _packed as _packed_constants
from tinyml.ops.variants import _pairs, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants.conv_2d_i8_pairs_dsp import SHIFTED, exact, parts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table, Value
from tinyml.variants import Variant

SCALE = {4: 16, 2: 64}  # of a weight in its half word
RECORD_BYTES = 32  # of a pair of channels
UNPACK = 90.0  # instructions per channel
BIAS = (256, 2)  # by any_sign: what the sum arrives multiplied by


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    if not w.dtype.packed or _packed.activations_packed(n) or w.shape[0] < 2 or tuple(n.attrs.clamp) != (-128, 127):
        return False
    weights, bias, _, _ = parts(n)
    lo, hi = _requant.bounds(weights, np.zeros_like(bias))
    limit = (1 << 31) // (256 * SCALE[w.dtype.bits])
    return bool((lo > -limit).all() and (hi < limit).all()) and exact(n, SHIFTED) is not None


def words(a: np.ndarray, b: np.ndarray, bits: int) -> np.ndarray:
    """int32 [.., W] for channels a and b, int8 [.., K]: fields of `bits` in each byte, lowest first."""
    per, offset, mask = 8 // bits, 1 << (bits - 1), (1 << bits) - 1
    room = [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % (2 * per))]
    low = np.pad(a.astype(np.int64), room) + offset
    high = np.pad(b.astype(np.int64), room)
    if bits == 4:
        high[..., ::2] += offset
    both = low | (high & mask) << 8
    order = _pairs.order(both.shape[-1])
    halves = both[..., order[:, 0]] | both[..., order[:, 1]] << 16
    fields = halves.reshape(*halves.shape[:-1], -1, per) << (np.arange(per) * bits)
    return _pairs.wrapped(np.bitwise_or.reduce(fields, axis=-1))


def all_words(weights: np.ndarray, bits: int) -> np.ndarray:
    """int32 words of all pairs of channels; weights int8 [CO,K], CO >= 2."""
    first = firsts(len(weights), 2)
    return words(weights[first], weights[first + 1], bits).reshape(-1).astype(np.int32)


def records(bias: np.ndarray, q: _requant.Constants, any_sign: int) -> np.ndarray:
    """int32 records of all pairs of channels; bias [CO] with the zero point folded in."""
    first = firsts(len(bias), 2)
    wide = bias.astype(np.int64) * BIAS[any_sign]
    numbers = [v[at] for at in (first, first + 1) for v in (q.mult, q.add, q.shift)]
    return np.stack([_pairs.wrapped(wide[first]), _pairs.wrapped(wide[first + 1]), *numbers], 1).reshape(-1).astype(np.int32)


def packed_constants(n: NodeView, q: _requant.Constants, any_sign: int) -> tuple[np.ndarray, tuple[Value, ...]] | None:
    """Words and the tm_packed_constants from which the kernel makes the records; None where what it makes would not be exact."""
    weights, bias, mult, shift = parts(n)
    e = -shift.astype(np.int64)
    total = e + (0 if any_sign else _requant.BITS)
    add = (np.int64(2 * n.y.zero_point + 1) << np.clip(total - 1, 0, 31)) + (0 if any_sign else 1 << _requant.BITS - 1)
    same = (q.mult == mult) & (q.add == add) & (q.shift == total)
    # a channel that never changes has constants of its own, but these forms are proved for any channel within their ranges
    lo, hi = _requant.bounds(weights, bias)
    proved = any_sign == 1 or n.y.zero_point == -128
    constant = (q.mult == 0) & proved & (np.maximum(-lo, hi) < 1 << 23)
    good = (e >= 1) & (total <= (_requant.MOST_TWICE if any_sign else _requant.MOST)) & (same | constant)
    return _packed_constants.pack(n, bias, mult, shift) if good.all() else None


def _call(n: NodeView, portable: tuple[KernelCall, ...], any_sign: int, table: np.ndarray, packed: tuple[Value, ...], more: int) -> KernelCall:
    """`more`: bytes of scratch for unpacked constants."""
    w = n.inputs[1]
    assert w is not None
    k, bits = w.elements // w.shape[0], w.dtype.bits
    unit = 2 * (8 // bits)
    gathered = _packed.round_up_4(k) if w.shape[1] * w.shape[2] > 1 else 0
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    own = ("pad_value", n.x.zero_point), ("any_sign", any_sign), ("weight_bits", bits), ("packed", packed)
    args = (Ref(n.x.id), Table("weights", table), Ref(n.y.id), Scratch())
    name = "conv_2d_i8_nibbles"
    scratch = 24 + 6 * -(-k // unit) * unit + gathered + more
    return KernelCall(f"tm_{name}_dsp", "conv_2d_nibbles", f"tm_{name}_params", (*window, *own), args, scratch)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found, w = exact(n, SHIFTED), n.inputs[1]
    assert found is not None and w is not None
    q, any_sign = found
    weights, bias, _, _ = parts(n)
    stream = np.concatenate([records(bias, q, any_sign), all_words(weights, w.dtype.bits)])
    return (_call(n, portable, any_sign, stream, _packed_constants.NONE, 0),)


def smaller(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[tuple[KernelCall, ...], float] | None:
    """With packed constants, which each call unpacks."""
    found, w = exact(n, SHIFTED), n.inputs[1]
    assert found is not None and w is not None
    q, any_sign = found
    packed = packed_constants(n, q, any_sign)
    if packed is None:
        return None
    weights = parts(n)[0]
    pairs = -(-len(weights) // 2)
    table = np.concatenate([packed[0], all_words(weights, w.dtype.bits)])
    return (_call(n, portable, any_sign, table, packed[1], RECORD_BYTES * pairs),), UNPACK * 2 * pairs


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    k, pixels = kh * kw * ci, n.y.elements // co
    gathering = 1.2 * k + 60.0 * kh if kh * kw > 1 else 0.0
    return -(-pixels // 3) * ((co + 1) // 2 * (18.0 * -(-k // 4) + 53.0) + 50.0) + pixels * (2.4 * k + 40.0 + gathering)


VARIANT = Variant("conv_2d_i8_nibbles_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=5450, packed=True, smaller=smaller)
