"""CONV_2D with weights of 4 or 2 bits for RV32IM: 16 channels' weights widened once per row, then conv_2d_i8_swar_rv. Layout:
tm/conv_2d_narrow.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _packed, _window
from tinyml.ops.variants import _narrow
from tinyml.ops.variants import conv_2d_i8_swar_rv as inner
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

BLOCK = 16


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    assert w is not None
    return w.dtype.packed and not _packed.activations_packed(n) and _narrow.symmetric(w) and inner.applies(_packed.twin(n), low)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = inner.lower(_packed.twin(n), low, portable)
    w = n.inputs[1]
    assert w is not None
    bits, taps = w.dtype.bits, -(-w.elements // w.shape[0] // 2)
    groups = inner.stream(_packed.twin(n)).reshape(-1, 17 + 2 * taps)
    table = Table("weights", np.concatenate([_narrow.block(g, 8, 9, bits) for g in groups]))
    window = tuple(p for p in call.params if p[0] in _window.FIELDS)
    own = tuple(p for p in call.params if p[0] not in _window.FIELDS)
    scratch = BLOCK * (17 + 2 * taps) + 12 + call.scratch_bytes
    return (
        KernelCall(
            "tm_conv_2d_i8_narrow_rv", "conv_2d_narrow", "tm_conv_2d_i8_narrow_params", (*window, *own, ("weight_bits", bits)),
            (Ref(n.x.id), table, Ref(n.y.id), Scratch()), scratch, uses=(call.func,),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    rows = n.y.shape[1] if w.shape[0] > BLOCK else 1
    pixels = n.y.elements // w.shape[0]
    again = (-(-w.shape[0] // BLOCK) - 1) * (11.0 * w.elements // w.shape[0] + 200.0) * -(-pixels // 4)  # inputs packed per block
    return inner.instructions(_packed.twin(n)) + again + rows * (2.0 * w.elements + 30.0 * w.shape[0])


VARIANT = Variant("conv_2d_i8_narrow_rv", "CONV_2D", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=660, packed=True)
