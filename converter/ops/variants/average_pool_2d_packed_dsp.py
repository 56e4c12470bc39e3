"""AVERAGE_POOL_2D of packed operands for Armv7E-M, around average_pool_2d_i8_dsp."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops import _packed
from tinyml.ops.variants import average_pool_2d_i8_dsp as inner
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return inner.applies(_packed.twin(n), low)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    return (replace(portable[0], func="tm_average_pool_2d_packed_dsp", uses=(f"tm_{inner.VARIANT.name}",)),)


def instructions(n: NodeView) -> float:
    return inner.instructions(_packed.twin(n)) + 4.0 * n.x.elements + 6.0 * n.y.elements


VARIANT = Variant("average_pool_2d_packed_dsp", "AVERAGE_POOL_2D", frozenset({"dsp"}), applies, lower, instructions, code_bytes=1110, packed=True)
