"""MEAN for Armv8.1-M with Helium, over rows and columns. See tm/mean_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops import mean
from tinyml.ops.variants import _four_mve
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant

LANES = 8


def applies(n: NodeView, low: Lowering) -> bool:
    """The last dimension is kept, so that channels stay neighbours."""
    if n.is_float or len(n.x.shape) - 1 in n.attrs.axes:
        return False
    mult, shift = mean.multiplier_of(n)
    return mult >= 0 and 1 <= -shift <= _four_mve.MOST


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_mean_i8_mve", header="mean_mve"),)


def instructions(n: NodeView) -> float:
    channels = max(n.y.shape[-1:] or (1,))
    groups = -(-channels // LANES)
    return n.x.elements / channels * groups * 5.0 + n.y.elements / channels * (groups * 60.0 + 60.0)


VARIANT = Variant("mean_i8_mve", "MEAN", frozenset({"mve"}), applies, lower, instructions, code_bytes=450)
