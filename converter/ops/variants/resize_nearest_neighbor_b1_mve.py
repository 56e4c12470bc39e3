"""RESIZE_NEAREST_NEIGHBOR for Armv8.1-M with Helium. See tm/resize_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.dtype.bytes == 1


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_resize_nearest_neighbor_b1_mve", header="resize_mve"),)


def instructions(n: NodeView) -> float:
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 16) * 3.0 + 25.0)


VARIANT = Variant("resize_nearest_neighbor_b1_mve", "RESIZE_NEAREST_NEIGHBOR", frozenset({"mve"}), applies, lower, instructions, code_bytes=240)
