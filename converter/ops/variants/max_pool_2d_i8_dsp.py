"""MAX_POOL_2D for Armv7E-M: four channels in a word. See max_pool_2d_i8_dsp.c."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float and n.y.shape[3] >= 4


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_max_pool_2d_i8_dsp", header="max_pool_2d_dsp"),)


def instructions(n: NodeView) -> float:
    kh, kw = n.attrs.kernel
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 4) * (7.0 * kh * kw + 40.0 * kh + 5.0) + 40.0)


VARIANT = Variant("max_pool_2d_i8_dsp", "MAX_POOL_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=380)
