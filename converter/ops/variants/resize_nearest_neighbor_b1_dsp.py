"""RESIZE_NEAREST_NEIGHBOR for Armv7E-M. See tm/resize_dsp.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.dtype.bytes == 1


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_resize_nearest_neighbor_b1_dsp", header="resize_dsp"),)


def instructions(n: NodeView) -> float:
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 4) * 4.0 + 35.0)


VARIANT = Variant("resize_nearest_neighbor_b1_dsp", "RESIZE_NEAREST_NEIGHBOR", frozenset({"dsp"}), applies, lower, instructions, code_bytes=300)
