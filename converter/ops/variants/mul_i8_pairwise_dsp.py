"""MUL for Armv7E-M, element by element or by one value per channel (squeeze-and-excite). See tm/pairwise_dsp.h."""

from __future__ import annotations

from tinyml.ir import NodeView
from tinyml.ops import mul
from tinyml.ops.variants import _pairwise
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return _pairwise.plain(n) and _pairwise.constants(*mul.multiplier_of(n), n.y.zero_point) is not None


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = portable
    p, q = _pairwise.fields(call), _pairwise.constants(*mul.multiplier_of(n), n.y.zero_point)
    assert q is not None
    params = (*_pairwise.geoms(call), ("a_offset", p["a_offset"]), ("b_offset", p["b_offset"]), *q)
    return (KernelCall("tm_mul_i8_pairwise_dsp", "pairwise_dsp", "tm_mul_i8_pairwise_params", params, call.args[:3]),)


def instructions(n: NodeView) -> float:
    return 11.0 * n.y.elements + 25.0 * n.y.shape[-2 if len(n.y.shape) > 1 else -1] + 100.0


VARIANT = Variant("mul_i8_pairwise_dsp", "MUL", frozenset({"dsp"}), applies, lower, instructions, code_bytes=540)
