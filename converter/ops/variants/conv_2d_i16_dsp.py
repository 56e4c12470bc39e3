"""CONV_2D of int16 activations for Armv7E-M, with the file's own weights: no packing, no scratch. See conv_2d_i16_dsp.c."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops.int16 import _wide
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    w = n.inputs[1]
    return w is not None and w.shape[3] == n.x.shape[3] and not _wide.has_short_bias(n)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_conv_2d_i16_dsp"),)


def instructions(n: NodeView) -> float:
    w = n.inputs[1]
    assert w is not None
    return n.y.elements * (2.2 * w.shape[1] * w.shape[2] * w.shape[3] + 80.0)


VARIANT = Variant("conv_2d_i16_dsp", "CONV_2D", frozenset({"dsp"}), applies, lower, instructions, wide=True, code_bytes=1010)
