"""CONV_2D for Armv6-M and Armv7-M without DSP instructions, with the file's own weights: no packing, any clamp and scale. See
conv_2d_i8_thumb.c."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering, Scratch
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    return not n.is_float and w is not None and w.shape[3] == n.x.shape[3]


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,), w = portable, n.inputs[1]
    assert w is not None
    args, scratch = (*call.args[:-1], Scratch()), w.shape[1] * w.shape[2] * w.shape[3]
    return (replace(call, func="tm_conv_2d_i8_thumb", header="conv_2d_thumb", args=args, scratch_bytes=scratch),)


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    taps = w.shape[1] * w.shape[2] * w.shape[3]
    return n.y.elements * (4.0 * taps + 100.0) + n.y.elements / w.shape[0] * 8.0 * taps


VARIANT = Variant("conv_2d_i8_thumb", "CONV_2D", frozenset({"thumb"}), applies, lower, instructions, code_bytes=800)
