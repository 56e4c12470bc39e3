"""Kernel calls as C: params structs, constant tables (each distinct content once), and the body of each step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinyml.emit.naming import c_comment
from tinyml.emit.values import CTYPES, c_array, c_geom, c_number
from tinyml.ir import Graph
from tinyml.opspec import Arg, Geom, KernelCall, Ref, Scratch, Table, Value, load_ops
from tinyml.plan.model import Plan, Step


@dataclass(frozen=True, eq=False)
class EmittedTable:
    name: str
    ctype: str
    section: str
    elements: int
    bytes: int
    lines: list[str]


@dataclass
class TableSet:
    """Tables seen so far; equal contents share one array."""

    prefix: str
    unique: list[EmittedTable] = field(default_factory=list)
    _by_content: dict[tuple[str, str, bytes], str] = field(default_factory=dict)

    def name(self, t: Table) -> str:
        data = np.ascontiguousarray(t.data)
        if data.size == 0:
            return "NULL"
        key = (t.section, data.dtype.str, data.tobytes())
        if key not in self._by_content:
            name = f"{self.prefix}_{t.name}_{len(self.unique)}"
            self._by_content[key] = name
            self.unique.append(
                EmittedTable(name, CTYPES[data.dtype.name], t.section, data.size, data.nbytes, c_array(data))
            )
        return self._by_content[key]

    def bytes(self, section: str) -> int:
        return sum(t.bytes for t in self.unique if t.section == section)


@dataclass(frozen=True)
class EmittedCall:
    struct: str
    params_name: str
    initialiser: str
    expression: str


@dataclass(frozen=True)
class EmittedStep:
    index: int
    label: str  # for comments: operator and output shape, sanitised
    op: str
    node_index: int  # operator index in the model file
    macs: int
    headers: tuple[str, ...]
    calls: tuple[EmittedCall, ...]

    @property
    def body(self) -> str:
        return " ".join(f"{c.initialiser} {c.expression}" for c in self.calls)


def emit_steps(plan: Plan, tables: TableSet) -> tuple[EmittedStep, ...]:
    specs = load_ops()
    out = []
    for k, step in enumerate(plan.schedule.steps):
        node = plan.graph.nodes[step.node]
        view = plan.graph.view(node)
        calls = tuple(
            _call(plan, step, c, f"p{k}" if len(step.calls) == 1 else f"p{k}_{i}", tables) for i, c in enumerate(step.calls)
        )
        shape = "x".join(map(str, view.y.shape))
        out.append(
            EmittedStep(
                k, c_comment(f"{node.op} -> {shape}"), node.op, node.index, specs[node.op].macs(view),
                tuple(sorted({c.header for c in step.calls})), calls,
            )
        )  # fmt: skip
    return tuple(out)


def _call(plan: Plan, step: Step, call: KernelCall, params_name: str, tables: TableSet) -> EmittedCall:
    fields = ", ".join(_value(v, tables) for _, v in call.params)
    args = [f"&{params_name}", *(_arg(plan, step, a, tables) for a in call.args)]
    return EmittedCall(call.struct, params_name, f"{{{fields}}}", f"{call.func}({', '.join(args)})")


def _value(v: Value, tables: TableSet) -> str:
    if isinstance(v, Geom):
        return c_geom(v)
    if isinstance(v, Table):
        return tables.name(v)
    if isinstance(v, tuple):
        return "{" + ", ".join(_value(e, tables) for e in v) + "}"
    return "NULL" if v is None else c_number(v)


def _arg(plan: Plan, step: Step, a: Arg, tables: TableSet) -> str:
    if a is None:
        return "NULL"
    if isinstance(a, Table):
        return tables.name(a)
    if isinstance(a, Scratch):
        assert step.scratch is not None
        return f"(a + {plan.offsets[step.scratch]})"
    assert isinstance(a, Ref)
    return _pointer(plan.graph, plan.address(a.tensor), a)


def _pointer(graph: Graph, address: int, ref: Ref) -> str:
    """Tensor addresses are multiples of the element size: checked by plan/check.py."""
    dtype = graph.tensors[ref.tensor].dtype
    return f"({CTYPES[dtype.value]} *)(void *)(a + {address + ref.offset * dtype.bytes})"
