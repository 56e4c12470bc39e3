"""ADD for Armv7E-M: the operand that is rounded before the sum comes from a table of 256 words, which the kernel makes in scratch:
that takes it about as long as 350 elements, and no flash. See tm/pairwise_dsp.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops.variants import add_i8_scaled_dsp
from tinyml.opspec import KernelCall, Lowering, Scratch
from tinyml.variants import Variant

TABLE_BYTES = 4 * 256


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = add_i8_scaled_dsp.lower(n, low, portable)
    return (replace(call, func="tm_add_i8_table_dsp", args=(*call.args, Scratch()), scratch_bytes=TABLE_BYTES),)


def instructions(n: NodeView) -> float:
    return 9.5 * n.y.elements + 1950.0


VARIANT = Variant("add_i8_table_dsp", "ADD", frozenset({"dsp"}), add_i8_scaled_dsp.applies, lower, instructions, code_bytes=700)
