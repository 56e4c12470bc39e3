"""Of a kernel's call, what is the same text in a step, a row and a tile: its params, and arguments that depend on no place."""

from __future__ import annotations

from tinyml.emit.tables import TableSet, c_value
from tinyml.emit.values import c_place
from tinyml.opspec import Arg, KernelCall, Scratch, Table
from tinyml.plan.model import Plan, Stage, Step


def params_of(call: KernelCall, tables: TableSet) -> str:
    """The initialiser of the params struct."""
    return c_value(tuple(v for _, v in call.params), tables)


def constant_arg(plan: Plan, step: Step | Stage, a: Arg, tables: TableSet) -> str | None:
    """NULL, a table or the step's scratch as C; None for an argument that is none of these."""
    if a is None:
        return "NULL"
    if isinstance(a, Table):
        return tables.name(a)
    if isinstance(a, Scratch):
        assert step.scratch is not None
        return f"({c_place(plan.buffer_place(step.scratch))})"
    return None


def window_of(call: KernelCall) -> tuple[int, ...]:
    """What a sliding-window kernel's rows and columns read: strides, sizes with dilation, and padding in front."""
    f = dict(call.params)
    size = [(f[f"kernel_{d}"] - 1) * f[f"dilation_{d}"] + 1 for d in "hw"]
    return f["stride_h"], f["stride_w"], *size, f["pad_top"], f["pad_left"]
