"""AVERAGE_POOL_2D for Armv7E-M: four channels together in 16-bit sums. See average_pool_2d_i8_dsp.c."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float and n.y.shape[3] >= 4 and n.attrs.kernel[0] * n.attrs.kernel[1] <= 255


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_average_pool_2d_i8_dsp"),)


def instructions(n: NodeView) -> float:
    kh, kw = n.attrs.kernel
    return n.y.elements * (1.7 * kh * kw + 5.0 * kh + 15.0)


VARIANT = Variant("average_pool_2d_i8_dsp", "AVERAGE_POOL_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=640)
