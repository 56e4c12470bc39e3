"""RESIZE_BILINEAR for Armv8.1-M with Helium. See tm/resize_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.dtype.bytes == 1


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_resize_bilinear_i8_mve", header="resize_mve"),)


def instructions(n: NodeView) -> float:
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 4) * 13.0 + 60.0)


VARIANT = Variant("resize_bilinear_i8_mve", "RESIZE_BILINEAR", frozenset({"mve"}), applies, lower, instructions, code_bytes=550)
