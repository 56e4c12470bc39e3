"""CONV_2D for Armv7E-M in little code, two pixels by two channels on the file's own weights, any clamp and scale. See
conv_2d_i8_compact_dsp.c."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering, Scratch
from tinyml.variants import Variant


def _filter(n: NodeView) -> int:
    w = n.inputs[1]
    assert w is not None
    return w.elements // w.shape[0]


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    return w is not None and not n.is_float and w.shape[3] == n.x.shape[3] and _filter(n) >= 4


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = portable
    k = _filter(n)
    args = (*call.args[:4], Scratch())
    return (replace(call, func="tm_conv_2d_i8_compact_dsp", args=args, scratch_bytes=4 * (k & ~3) + 2 * k),)


def instructions(n: NodeView) -> float:
    k, co = _filter(n), n.y.shape[-1]
    pixels = n.y.elements // co
    pairs = (pixels + 1) // 2 * ((co + 1) // 2)
    return pairs * (17.0 * (k // 4) + 40.0 * (k % 4) + 230.0) + pixels * (2.6 * k + 120.0)


VARIANT = Variant("conv_2d_i8_compact_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=980)
