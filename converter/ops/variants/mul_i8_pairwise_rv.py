"""MUL for RV32IM, element by element or by one value per channel (squeeze-and-excite). See tm/pairwise_rv.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops.variants import _four, mul_i8_pairwise_dsp
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = mul_i8_pairwise_dsp.lower(n, low, portable)
    return (replace(call, func="tm_mul_i8_pairwise_rv", header="pairwise_rv", params=_four.quarter_fields(call.params)),)


def instructions(n: NodeView) -> float:
    return 17.0 * n.y.elements + 40.0 * n.y.shape[-2 if len(n.y.shape) > 1 else -1] + 150.0


VARIANT = Variant("mul_i8_pairwise_rv", "MUL", frozenset({"rv32im"}), mul_i8_pairwise_dsp.applies, lower, instructions, code_bytes=660)
