"""Kernel calls as C: params structs, constant tables (each distinct content once), and the body of each step."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.emit.arguments import constant_arg, params_of
from tinyml.emit.naming import c_comment
from tinyml.emit.records import Record, RunnerSet, emit_record
from tinyml.emit.rows import EmittedRow, emit_row
from tinyml.emit.tables import TableSet
from tinyml.emit.tiles import EmittedGrid, EmittedTile, emit_grid, emit_tile
from tinyml.emit.values import CTYPES, c_ints, c_place
from tinyml.ir import Graph
from tinyml.opspec import Arg, KernelCall, Ref, load_ops
from tinyml.plan.model import Plan, Stage, Step


@dataclass(frozen=True)
class EmittedCall:
    struct: str
    params_name: str
    initialiser: str
    expression: str


@dataclass(frozen=True)
class EmittedStep:
    """A step with `calls`, or a fused stage with `rows` and the `order` in which they run (lines of an initialiser). record: the one
    call as data, where it can be."""

    index: int
    label: str  # for comments: operators and output shape, sanitised
    op: str
    node_index: int  # operator index in the model file, of the first one
    macs: int
    headers: tuple[str, ...]
    calls: tuple[EmittedCall, ...] = ()
    rows: tuple[EmittedRow, ...] = ()
    order: tuple[str, ...] = ()
    events: int = 0
    state: int | None = None  # arena offset of a pushed stage's state; rows[0] is the caller then
    tiles: tuple[EmittedTile, ...] = ()  # of a stage in tiles, which has no `rows`
    grid: EmittedGrid | None = None
    record: Record | None = None

    @property
    def function(self) -> str:
        return self.record.runner if self.record else f"step_{self.index}"

    @property
    def body(self) -> str:
        if self.grid is not None:
            return repr((self.tiles, self.grid))
        parts = [f"{c.initialiser} {c.expression}" for c in self.calls]
        parts += [f"{c.initialiser} {c.window} {c.expression}" for r in self.rows for c in r.calls]
        parts += [f"{' '.join(r.links)} {r.chain}" for r in self.rows]
        return " ".join((*parts, *self.order))


def emit_steps(plan: Plan, tables: TableSet, runners: RunnerSet) -> tuple[EmittedStep, ...]:
    return tuple(
        _stage(plan, k, step, tables) if isinstance(step, Stage) else _step(plan, k, step, tables, runners)
        for k, step in enumerate(plan.schedule.steps)
    )


def _label(plan: Plan, k: int) -> str:
    node = plan.graph.nodes[k]
    return f"{node.op} -> {'x'.join(map(str, plan.graph.view(node).y.shape))}"


def _macs(plan: Plan, k: int) -> int:
    node = plan.graph.nodes[k]
    return load_ops()[node.op].macs(plan.graph.view(node))


def _step(plan: Plan, k: int, step: Step, tables: TableSet, runners: RunnerSet) -> EmittedStep:
    node = plan.graph.nodes[step.node]
    calls = tuple(_call(plan, step, c, f"p{k}" if len(step.calls) == 1 else f"p{k}_{i}", tables) for i, c in enumerate(step.calls))
    headers = tuple(sorted({c.header for c in step.calls}))
    record = emit_record(plan, step, step.calls[0], tables, runners) if len(step.calls) == 1 else None
    return EmittedStep(k, c_comment(_label(plan, step.node)), node.op, node.index, _macs(plan, step.node), headers, calls, record=record)


def _tiles(plan: Plan, k: int, stage: Stage, tables: TableSet) -> EmittedStep:
    nodes, grid = stage.nodes, emit_grid(stage)
    tiles = tuple(
        emit_tile(plan, stage, i, f"{k}_{i}", c_comment(f"operator {plan.graph.nodes[n].index}, {_label(plan, n)}"), tables)
        for i, n in enumerate(nodes)
    )
    what = f"{grid.width} strips" if grid.strips else f"{grid.height} x {grid.width} patches"
    label = c_comment(f"{len(nodes)} operators in {what}, {_label(plan, nodes[0])} to {_label(plan, nodes[-1])}")
    headers = tuple(sorted({"tiles", *(c.header for c in stage.calls)}))
    first = plan.graph.nodes[nodes[0]]
    macs = sum(_macs(plan, n) for n in nodes)
    return EmittedStep(k, label, first.op, first.index, macs, headers, tiles=tiles, grid=grid)


def _stage(plan: Plan, k: int, stage: Stage, tables: TableSet) -> EmittedStep:
    if stage.grid is not None:
        return _tiles(plan, k, stage, tables)
    rows = tuple(
        emit_row(plan, stage, r, f"{k}_{i}", c_comment(f"operator {plan.graph.nodes[r.node].index}, {_label(plan, r.node)}"), tables)
        for i, r in enumerate(stage.rows)
        if r.node >= 0
    )
    first, last = stage.nodes[0], stage.nodes[-1]
    label = c_comment(f"{len(rows)} operators row by row, {_label(plan, first)} to {_label(plan, last)}")
    node = plan.graph.nodes[first]
    chained = {"chain"} if any(r.links for r in stage.rows) else set()
    headers = tuple(sorted({"stage", *chained, *(c.header for c in stage.calls)}))
    macs = sum(_macs(plan, n) for n in stage.nodes)
    order = tuple(c_ints(stage.order))
    state = None if stage.state is None else plan.offsets[stage.state]
    return EmittedStep(k, label, node.op, node.index, macs, headers, (), rows, order, len(stage.order), state)


def _call(plan: Plan, step: Step, call: KernelCall, params_name: str, tables: TableSet) -> EmittedCall:
    params = params_of(call, tables)
    args = [f"&{params_name}", *(_arg(plan, step, a, tables) for a in call.args)]
    return EmittedCall(call.struct, params_name, params, f"{call.func}({', '.join(args)})")


def _arg(plan: Plan, step: Step, a: Arg, tables: TableSet) -> str:
    fixed = constant_arg(plan, step, a, tables)
    if fixed is not None:
        return fixed
    assert isinstance(a, Ref)
    return _pointer(plan.graph, plan.place(a.tensor), a)


def _pointer(graph: Graph, place: tuple[int, int], ref: Ref) -> str:
    """Tensor addresses are multiples of the element size: checked by plan/check.py."""
    dtype = graph.tensors[ref.tensor].dtype
    return f"({CTYPES[dtype.value]} *)(void *)({c_place((place[0], place[1] + ref.offset * dtype.bytes))})"
