"""CONV_2D for Armv7E-M on weights of 16 bits, two pixels by two channels: 0.625 instructions per MAC in the inner loop for twice the
flash. Layout and arithmetic: tm/conv_2d_wide.h.

For `--optimize latency` alone. Counted in instructions it is ahead of conv_2d_i8_pairs_dsp by a tenth; estimated in cycles it is not,
as a Cortex-M4 or M7 loads the wider weights in the time in which it unpacks the narrow ones."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.variants import _fixed, _pairs, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants.conv_2d_i8_pairs_dsp import Forms, exact, parts
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

# what the kernel's `form` says; a loop for each costs flash alone, which `latency` does not count
FORMS: Forms = ((_fixed.high, 0), (_requant.one_sign, 2), (_requant.any_sign, 1), (_requant.narrow, 2))


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None and w.data is not None
    co, _, _, ci = w.shape
    plain = not n.is_float and ci == n.x.shape[3] and ci % 4 == 0 and co >= 2 and w.elements // co > 4
    return plain and tuple(n.attrs.clamp) == (-128, 127) and exact(n, FORMS) is not None


def stream(weights: np.ndarray, bias: np.ndarray, factor: int, numbers: list[np.ndarray]) -> np.ndarray:
    """int32 words of all pairs of channels; weights int8 [CO,K], K a multiple of 4; numbers: mult, add and shift, int32 [CO] each."""
    co, k = weights.shape
    first = firsts(co, 2)
    pair = np.stack([first, first + 1], 1)
    # [pairs, channel, group, input] -> [pairs, group, inputs (0, 2) or (1, 3), channel, low or high half]
    halves = (weights.astype(np.int64) * factor)[pair].reshape(len(first), 2, k // 4, 2, 2).transpose(0, 2, 4, 1, 3)
    words = (halves[..., 0] & 0xFFFF) | (halves[..., 1] & 0xFFFF) << 16
    constants = np.stack([v[pair] for v in numbers], 2).reshape(len(first), 6)
    rows = [_pairs.wrapped(bias.astype(np.int64)[pair] * factor), _pairs.wrapped(words).reshape(len(first), k), constants]
    return np.concatenate(rows, 1).astype(np.int32).reshape(-1)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    found = exact(n, FORMS)
    assert found is not None
    q, form = found
    weights, bias, _, _ = parts(n)
    table = Table("weights", stream(weights, bias + q.offset, 2 if form == 1 else 256, [q.mult, q.add, q.shift]))
    window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
    return (
        KernelCall(
            "tm_conv_2d_i8_wide_dsp", "conv_2d_wide", "tm_conv_2d_i8_wide_params",
            (*window, ("pad_value", n.x.zero_point), ("form", form)),
            (Ref(n.x.id), table, Ref(n.y.id), Scratch()), 4 * weights.shape[1],
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    co, kh, kw, ci = w.shape
    k = kh * kw * ci
    oh, ow = n.y.shape[1:3]
    pairs = (oh * ow + 1) // 2 if kh == kw == 1 else oh * ((ow + 1) // 2)
    return pairs * ((co + 1) // 2 * (2.6 * k + 25.0) + 2.1 * k + 40.0 + 25.0 * (kh - 1))


def detour(n: NodeView, low: Lowering) -> float:
    found = exact(n, FORMS)
    return float(n.y.elements) if found is not None and found[1] == 2 else 0.0


VARIANT = Variant("conv_2d_i8_wide_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=5040, detour=detour, goals=frozenset({"latency"}))
