"""ADD for Armv7E-M without a table: five instructions more per element than with one. See tm/pairwise_dsp.h."""

from __future__ import annotations

from tinyml.ir import NodeView
from tinyml.ops import _sum
from tinyml.ops.variants import _pairwise
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return _pairwise.plain(n) and _pairwise.constants(*_sum.scales(n, 1).out, n.y.zero_point) is not None


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = portable
    p = _pairwise.fields(call)
    assert p["b_factor"] == 1 << (_sum.LEFT_SHIFT - 1)  # ADD's sign, not SUB's
    q = _pairwise.constants(p["out_mult"], p["out_shift"], n.y.zero_point)
    assert q is not None
    mult, shift = p["a_mult"], -p["a_shift"]
    if shift == 0:  # which the kernel cannot do
        # equal scales, a half: 2^21 * 255 at most, times this, rounds as times 2^31, and the second rounding is exact. Or next to 0
        assert mult in (1 << 30, 0)
        mult, shift = (1 << 31) - 1 if mult else 0, 1
    params = (
        *_pairwise.geoms(call), *q,
        ("a_offset", p["a_offset"] << (_sum.LEFT_SHIFT + 1)), ("a_mult", mult), ("a_add", 1 << (shift - 1)), ("a_shift", shift),
        ("b_offset", 2 * p["b_offset"] * p["b_factor"]),
    )  # fmt: skip
    return (KernelCall("tm_add_i8_scaled_dsp", "pairwise_dsp", "tm_add_i8_scaled_params", params, call.args[:3]),)


def instructions(n: NodeView) -> float:
    return 15.5 * n.y.elements + 100.0


VARIANT = Variant("add_i8_scaled_dsp", "ADD", frozenset({"dsp"}), applies, lower, instructions, code_bytes=450)
