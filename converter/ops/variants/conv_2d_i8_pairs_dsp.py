"""CONV_2D for Armv7E-M on packed pairs of output channels, three or two pixels together: one byte per weight, about 0.75 instructions
per MAC in the inner loop. Layout and arithmetic: tm/conv_2d_pairs.h."""

from __future__ import annotations

from collections.abc import Callable, Set

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _channels, _window
from tinyml.ops.variants import _packed, _pairs, _requant
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table, Value
from tinyml.variants import Variant

RECORD_BYTES = 32  # of a pair of channels
UNPACKS = "tm_unpack_pairs_dsp"
UNPACK = 38.0  # instructions per channel

Forms = tuple[tuple[Callable[..., _requant.Constants | None], int], ...]  # of requantisation, each with its number
PAIRED: Forms = ((_pairs.one_sign, 0), (_pairs.any_sign, 1))
SHIFTED: Forms = ((_requant.one_sign, 0), (_requant.any_sign, 1), (_requant.narrow, 0))  # of other kernels' loops, which read each channel's shift


def parts(n: NodeView) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights int8 [CO,K], bias with the zero point folded in, mult, shift."""
    w = n.inputs[1]
    assert w is not None and w.data is not None
    co = w.shape[0]
    weights = w.data.reshape(co, -1)
    bias = _channels.folded_bias(n.x, n.input(2), weights.sum(1, dtype=np.int64))
    return weights, bias, *_channels.multipliers(n.x, w, n.y, co)


def exact(n: NodeView, forms: Forms) -> tuple[_requant.Constants, int] | None:
    """Requantisation constants in the first form that has exact ones, and the form's number; None where none has."""
    weights, bias, mult, shift = parts(n)
    lo, hi = _requant.bounds(weights, bias)
    for form, number in forms:
        q = form(mult, shift, n.y.zero_point, lo, hi)
        if q is not None:
            return q, number
    return None


def constants(n: NodeView, without: Set[str] = frozenset()) -> tuple[_requant.Constants, int] | None:
    """Those of pairs [P,2], and any_sign. Not in a form whose loop is in `without`, where there is another one."""
    kept = tuple(f for f in PAIRED if ("TM_PAIRS_ONE_SIGN", "TM_PAIRS_ANY_SIGN")[f[1]] not in without)
    return exact(n, kept) or exact(n, PAIRED)


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    plain = not n.is_float and w.shape[3] == n.x.shape[3] and w.shape[0] >= 2 and w.elements // w.shape[0] > 4 and tuple(n.attrs.clamp) == (-128, 127)
    return plain and _pairs.can_pack(w.data) and constants(n) is not None


def _call(
    n: NodeView, low: Lowering, portable: tuple[KernelCall, ...], any_sign: int, table: np.ndarray, packed: tuple[Value, ...], more: int
) -> KernelCall:
    """`more`: bytes of scratch for unpacked constants."""
    weights, w = parts(n)[0], n.inputs[1]
    assert w is not None
    k, kh, run = weights.shape[1], w.shape[1], w.shape[2] * w.shape[3]
    odd = n.x.shape[3] % 4 != 0
    gathered = k + -(-kh * (run % 4) // 4) * 4 if odd else 0
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    groups = -(-k // 4)
    # three pixels save a twentieth of the time, and take half as much scratch again
    room = low.optimize != "ram" if low.scratch_bytes is None else low.scratch_bytes >= 24 * groups + gathered + more
    pointwise = w.shape[1:3] == (1, 1) and not any(n.attrs.pad)
    together = 3 if room and _pairs.triples(any_sign, low.without) and n.y.shape[2] >= 3 else 2
    params = (*window, ("pad_value", n.x.zero_point), ("any_sign", any_sign), ("together", together), ("packed", packed))
    return KernelCall(
        "tm_conv_2d_i8_pairs_dsp", "conv_2d_pairs", "tm_conv_2d_i8_pairs_params", params,
        (Ref(n.x.id), Table("weights", table), Ref(n.y.id), Scratch()), 8 * together * groups + gathered + more, uses=(UNPACKS,) if more else (),
        loops=(*_pairs.LOOPS, UNPACKS),
        parts=(
            *_pairs.parts(any_sign, together), (_packed.PART, more > 0), ("TM_CONV_2D_PAIRS_FOURS", not odd and not pointwise),
            ("TM_CONV_2D_PAIRS_ODD", odd), ("TM_CONV_2D_PAIRS_WORDS", odd and run == 4),
            ("TM_CONV_2D_PAIRS_REST", n.y.shape[3] % 2 != 0),
        ),
    )  # fmt: skip


def _ordered(n: NodeView) -> np.ndarray:
    """Weights int8 [CO,K] with inputs in the kernel's order."""
    w = n.inputs[1]
    assert w is not None
    return parts(n)[0][:, _pairs.rests_last(w.shape[1], w.shape[2] * w.shape[3])]


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found = constants(n, low.without)
    assert found is not None
    q, any_sign = found
    return (_call(n, low, portable, any_sign, _pairs.stream(_ordered(n), parts(n)[1], q), _packed.NONE, 0),)


def smaller(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[tuple[KernelCall, ...], float] | None:
    """With packed constants, which each call unpacks."""
    found = constants(n, low.without)
    assert found is not None
    q, any_sign = found
    _, bias, mult, shift = parts(n)
    packed = _packed.pack(n, bias, mult, shift) if _pairs.plain(mult, shift, n.y.zero_point, q, any_sign) else None
    if packed is None:
        return None
    table, pairs = np.concatenate([packed[0], _pairs.all_words(_ordered(n))]), -(-len(bias) // 2)
    return (_call(n, low, portable, any_sign, table, packed[1], RECORD_BYTES * pairs),), UNPACK * 2 * pairs


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    groups = -(-kh * kw * ci // 4)
    pixels = n.y.elements // co
    return (pixels + pixels % 2) / 2 * ((co + 1) // 2 * (11.5 * groups + 33.0) + 14.0 * groups + 44.0 * kh + 20.0)


def detour(n: NodeView, low: Lowering) -> float:
    w, found = n.inputs[1], constants(n, low.without)
    assert w is not None and found is not None
    return _pairs.detour(n.y, w, found[1], low.without)


PART_BYTES = (
    *_pairs.LOOP_BYTES, ("TM_TRIPLES", 1400), ("TM_CONV_2D_PAIRS_FOURS", 880), ("TM_CONV_2D_PAIRS_ODD", 900), ("TM_CONV_2D_PAIRS_WORDS", 400),
)  # fmt: skip

VARIANT = Variant(
    "conv_2d_i8_pairs_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=820, parts=PART_BYTES,
    detour=detour, smaller=smaller, unpacks=UNPACKS,
)  # fmt: skip
