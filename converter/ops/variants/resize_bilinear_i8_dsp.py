"""RESIZE_BILINEAR for Armv7E-M. See tm/resize_dsp.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return n.x.dtype.bytes == 1 and n.y.shape[3] >= 4


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_resize_bilinear_i8_dsp", header="resize_dsp"),)


def instructions(n: NodeView) -> float:
    channels = n.y.shape[3]
    return n.y.elements / channels * (-(-channels // 4) * 90.0 + 60.0)


VARIANT = Variant("resize_bilinear_i8_dsp", "RESIZE_BILINEAR", frozenset({"dsp"}), applies, lower, instructions, code_bytes=860)
