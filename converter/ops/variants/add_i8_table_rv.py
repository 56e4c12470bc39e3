"""ADD for RV32IM: the operand that is rounded before the sum comes from a table of 256 words. See tm/pairwise_rv.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops.variants import _four, add_i8_table_dsp
from tinyml.opspec import KernelCall, Lowering, Table
from tinyml.variants import Variant


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    (call,) = add_i8_table_dsp.lower(n, low, portable)
    table = dict(call.params)["table"]
    assert isinstance(table, Table)
    params = _four.quarter_fields(tuple(p for p in call.params if p[0] != "table"))
    return (
        replace(
            call, func="tm_add_i8_table_rv", header="pairwise_rv", params=(*params, ("table", Table("table", 2 * table.data, "table")))
        ),
    )


def instructions(n: NodeView) -> float:
    return 18.0 * n.y.elements + 150.0


VARIANT = Variant("add_i8_table_rv", "ADD", frozenset({"rv32im"}), add_i8_table_dsp.applies, lower, instructions, code_bytes=650)
