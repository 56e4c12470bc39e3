"""MUL for Armv8.1-M with Helium, four elements together, also by one value per channel (squeeze-and-excite). See
tm/pairwise_mve.h."""

from __future__ import annotations

from tinyml.ir import NodeView
from tinyml.ops import mul
from tinyml.ops.variants import _pairwise_mve
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return not n.is_float and _pairwise_mve.takes(n, mul.multiplier_of(n))


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return _pairwise_mve.renamed(portable, "tm_mul_i8_mve")


def instructions(n: NodeView) -> float:
    return 3.5 * n.y.elements + 25.0 * n.y.shape[-2 if len(n.y.shape) > 1 else -1] + 60.0


VARIANT = Variant("mul_i8_mve", "MUL", frozenset({"mve"}), applies, lower, instructions, code_bytes=380)
