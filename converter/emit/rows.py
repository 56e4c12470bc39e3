"""A fused stage as C: one function per operator that does its row y, and the order in which they run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinyml.emit.tables import TableSet, c_value
from tinyml.emit.values import CTYPES
from tinyml.opspec import Accumulator, Arg, Ref, RowIndex, Scratch, Table
from tinyml.plan.model import Operand, Plan, RowStep, Stage


@dataclass(frozen=True)
class EmittedRowCall:
    """window: the statement that sets the params' view for row y in a copy `p` of the constant params; "" where it is
    the same for all rows."""

    struct: str
    params_name: str
    initialiser: str
    window: str
    expression: str


@dataclass(frozen=True)
class EmittedRow:
    name: str
    label: str
    uses_row: bool
    calls: tuple[EmittedRowCall, ...]


def emit_row(plan: Plan, stage: Stage, row: RowStep, name: str, label: str, tables: TableSet) -> EmittedRow:
    operands = {o.tensor: o for o in row.operands}
    window = next((o for o in row.operands if o.mode == "window"), None)
    calls = []
    for k, call in enumerate(row.calls):
        own = f"p_{name}" if len(row.calls) == 1 else f"p_{name}_{k}"
        initialiser = "{" + ", ".join(c_value(v, tables) for _, v in call.params) + "}"
        statement = _window(plan, window) if window else ""
        args = [f"&{'p' if window else own}", *(_arg(plan, stage, row, operands, a, tables) for a in call.args)]
        calls.append(EmittedRowCall(call.struct, own, initialiser, statement, f"{call.func}({', '.join(args)})"))
    uses_row = any(re.search(r"\by\b", c.window + c.expression) for c in calls)
    return EmittedRow(name, label, uses_row, tuple(calls))


def _window(plan: Plan, o: Operand) -> str:
    at = plan.schedule.layouts[o.tensor]
    first = "y" if o.stride == 1 else f"y * {o.stride}"
    first += f" - {o.pad}" if o.pad > 0 else f" + {-o.pad}" if o.pad < 0 else ""
    return f"const ptrdiff_t x = tm_window_row(&p.in, &p.pad_top, {first}, {o.size}, {at.geom.h}, {at.ring});"


def _arg(plan: Plan, stage: Stage, row: RowStep, operands: dict[int, Operand], a: Arg, tables: TableSet) -> str:
    if a is None:
        return "NULL"
    if isinstance(a, Table):
        return tables.name(a)
    if isinstance(a, RowIndex):
        return "y"
    if isinstance(a, Scratch):
        assert stage.scratch is not None
        return f"(a + {plan.offsets[stage.scratch]})"
    if isinstance(a, Accumulator):
        assert row.accumulator is not None
        return f"(int32_t *)(void *)(a + {plan.offsets[row.accumulator]})"
    assert isinstance(a, Ref)
    return _pointer(plan, operands[a.tensor], a)


def _pointer(plan: Plan, o: Operand, ref: Ref) -> str:
    dtype, at = plan.graph.tensors[ref.tensor].dtype, plan.schedule.layouts[ref.tensor]
    place = f"a + {plan.address(ref.tensor) + ref.offset * dtype.bytes}"
    if o.mode == "row" and at.ring != 1:
        slot = f"(y % {at.ring})" if at.ring else "y"
        place += f" + {slot} * {at.geom.row_stride * dtype.bytes}"
    pointer = f"({CTYPES[dtype.value]} *)(void *)({place})"
    return f"{pointer} + x" if o.mode == "window" else pointer
