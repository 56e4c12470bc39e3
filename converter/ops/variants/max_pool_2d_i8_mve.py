"""MAX_POOL_2D for Armv8.1-M with Helium. See tm/pool_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_max_pool_2d_i8_mve", header="pool_mve"),)


def instructions(n: NodeView) -> float:
    kh, kw = n.attrs.kernel
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 16) * (5.0 * kh * kw + 20.0 * kh + 40.0) + 60.0)


VARIANT = Variant("max_pool_2d_i8_mve", "MAX_POOL_2D", frozenset({"mve"}), applies, lower, instructions, code_bytes=360)
