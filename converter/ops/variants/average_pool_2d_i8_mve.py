"""AVERAGE_POOL_2D for Armv8.1-M with Helium. See tm/pool_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float and n.attrs.kernel[0] * n.attrs.kernel[1] <= 255


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_average_pool_2d_i8_mve", header="pool_mve"),)


def instructions(n: NodeView) -> float:
    kh, kw = n.attrs.kernel
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 8) * (5.0 * kh * kw + 20.0 * kh + 40.0) + 60.0)


VARIANT = Variant("average_pool_2d_i8_mve", "AVERAGE_POOL_2D", frozenset({"mve"}), applies, lower, instructions, code_bytes=500)
