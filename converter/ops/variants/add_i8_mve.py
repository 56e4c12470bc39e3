"""ADD for Armv8.1-M with Helium, four elements together. See tm/pairwise_mve.h."""

from __future__ import annotations

from tinyml.ir import NodeView
from tinyml.ops import _sum
from tinyml.ops.variants import _pairwise_mve
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float and _pairwise_mve.takes(n, _sum.scales(n, 1).out)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return _pairwise_mve.renamed(portable, "tm_add_i8_mve")


def instructions(n: NodeView) -> float:
    return 4.75 * n.y.elements + 60.0


VARIANT = Variant("add_i8_mve", "ADD", frozenset({"mve"}), applies, lower, instructions, code_bytes=420)
