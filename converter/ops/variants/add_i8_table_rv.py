"""ADD for RV32IM: the operand that is rounded before the sum comes from a table of 256 words. See tm/pairwise_rv.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.numerics import requant
from tinyml.ops import _sum
from tinyml.ops.variants import _four, _pairwise
from tinyml.opspec import KernelCall, Lowering, Table
from tinyml.variants import Variant


def applies(n: NodeView, low: Lowering) -> bool:
    return _pairwise.plain(n) and _pairwise.constants(*_sum.scales(n, 1).out, n.y.zero_point) is not None


def table(p: dict[str, int]) -> np.ndarray:
    """int32 [256] by the first operand's value as uint8: four times its scaled value, with four times the second's offset."""
    a = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)
    wide = requant((a + p["a_offset"]) << _sum.LEFT_SHIFT, p["a_mult"], p["a_shift"])
    return (4 * (wide + p["b_offset"] * p["b_factor"])).astype(np.int32)


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = portable
    p = _pairwise.fields(call)
    assert p["b_factor"] == 1 << (_sum.LEFT_SHIFT - 1)  # ADD's sign, not SUB's
    q = _pairwise.constants(p["out_mult"], p["out_shift"], n.y.zero_point)
    assert q is not None
    params = (*_four.quarter_fields((*_pairwise.geoms(call), *q)), ("table", Table("table", table(p), "table")))
    return (KernelCall("tm_add_i8_table_rv", "pairwise_rv", "tm_add_i8_table_params", params, call.args[:3]),)


def instructions(n: NodeView) -> float:
    return 18.0 * n.y.elements + 150.0


VARIANT = Variant("add_i8_table_rv", "ADD", frozenset({"rv32im"}), applies, lower, instructions, code_bytes=650)
