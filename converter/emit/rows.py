"""A fused stage as C: one function per operator that does its row y, and the order in which they run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinyml.emit.arguments import constant_arg, params_of, window_of
from tinyml.emit.tables import TableSet
from tinyml.emit.values import CTYPES, c_geom, c_place
from tinyml.ir import Graph, Tensor
from tinyml.opspec import Accumulator, Arg, Geom, Ref, RowIndex
from tinyml.plan.model import Link, Operand, Plan, RowStep, Stage


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
    """links: initialisers of a chain's tm_link table, one per call; `chain` is the expression that runs it."""

    name: str
    label: str
    uses_row: bool
    calls: tuple[EmittedRowCall, ...]
    links: tuple[str, ...] = ()
    chain: str = ""


def emit_row(plan: Plan, stage: Stage, row: RowStep, name: str, label: str, tables: TableSet) -> EmittedRow:
    if row.links:
        return _chain(plan, stage, row, name, label, tables)
    operands = {o.tensor: o for o in row.operands}
    window = next((o for o in row.operands if o.mode == "window"), None)
    calls = []
    for k, call in enumerate(row.calls):
        own = f"p_{name}" if len(row.calls) == 1 else f"p_{name}_{k}"
        params, statement = params_of(call, tables), _window(plan, window) if window else ""
        args = [f"&{'p' if window else own}", *(_arg(plan, stage, row, operands, a, tables) for a in call.args)]
        calls.append(EmittedRowCall(call.struct, own, params, statement, f"{call.func}({', '.join(args)})"))
    uses_row = any(re.search(r"\by\b", c.window + c.expression) for c in calls)
    return EmittedRow(name, label, uses_row, tuple(calls))


def _chain(plan: Plan, stage: Stage, row: RowStep, name: str, label: str, tables: TableSet) -> EmittedRow:
    """Each operator becomes a function of a block (`b`, from `x` to `y`), and an entry of the table that tm_chain_row reads."""
    source, out = row.operands
    graph, layouts = plan.graph, plan.schedule.layouts
    calls, links = [], []
    for k, (node, call) in enumerate(zip(row.nodes, row.calls, strict=True)):
        own, view = f"p_{name}_{k}", graph.view(graph.nodes[node])
        reader = {t.id: t for t in (view.y, *view.inputs) if t is not None and not t.is_const}
        args = [_chain_arg(plan, stage, view.y.id, reader, a, tables) for a in call.args]
        calls.append(EmittedRowCall(call.struct, own, params_of(call, tables), "block", f"{call.func}(&p, {', '.join(args)})"))
        geom_in = layouts[source.tensor].geom if k == 0 else _window_geom(graph, row.links[k - 1], whole=True)
        last = k == len(row.links)
        geom_out = layouts[out.tensor].geom if last else _window_geom(graph, row.links[k])
        ring = layouts[source.tensor].ring if k == 0 else 0
        at = 0 if last else _window_place(plan, row.links[k])
        numbers = (at, *window_of(call))
        links.append(f"{{link_{name}_{k}, {c_geom(geom_in, ring)}, {c_geom(geom_out)}, {', '.join(map(str, numbers))}}}")
    elem = graph.tensors[out.tensor].dtype.bytes
    x = c_place(plan.place(source.tensor))
    y = _pointer(plan, out, Ref(out.tensor)).replace(f"({CTYPES[graph.tensors[out.tensor].dtype.value]} *)", "(uint8_t *)", 1)
    text = f"tm_chain_row(a, links_{name}, {len(links)}, {row.pixels}, {elem}, y, {x}, {y})"
    return EmittedRow(name, label, True, tuple(calls), tuple(links), text)


def _window_place(plan: Plan, link: Link) -> int:
    assert link.buffer is not None
    return plan.offsets[link.buffer] + link.offset_bytes


def _window_geom(graph: Graph, link: Link, whole: bool = False) -> Geom:
    """A chain's window; whole: the extents of the tensor that it is a window of."""
    h, w, c = graph.view(graph.nodes[link.node]).y.stored
    return Geom(h if whole else link.rows, w if whole else link.columns, c, link.columns * c, c)


def _chain_arg(plan: Plan, stage: Stage, out: int, tensors: dict[int, Tensor], a: Arg, tables: TableSet) -> str:
    fixed = constant_arg(plan, stage, a, tables)
    if fixed is not None:
        return fixed
    assert isinstance(a, Ref) and a.offset == 0
    ctype = CTYPES[tensors[a.tensor].dtype.value]
    return f"({ctype} *)(void *)y" if a.tensor == out else f"(const {ctype} *)(const void *)x"


def _window(plan: Plan, o: Operand) -> str:
    at = plan.schedule.layouts[o.tensor]
    first = "y" if o.stride == 1 else f"y * {o.stride}"
    first += f" - {o.pad}" if o.pad > 0 else f" + {-o.pad}" if o.pad < 0 else ""
    return f"const ptrdiff_t x = tm_window_row(&p.in, &p.pad_top, {first}, {o.size}, {at.geom.h}, {at.ring});"


def _arg(plan: Plan, stage: Stage, row: RowStep, operands: dict[int, Operand], a: Arg, tables: TableSet) -> str:
    fixed = constant_arg(plan, stage, a, tables)
    if fixed is not None:
        return fixed
    if isinstance(a, RowIndex):
        return "y"
    if isinstance(a, Accumulator):
        assert row.accumulator is not None
        return f"(int32_t *)(void *)({c_place(plan.buffer_place(row.accumulator))})"
    assert isinstance(a, Ref)
    return _pointer(plan, operands[a.tensor], a)


def _pointer(plan: Plan, o: Operand, ref: Ref) -> str:
    dtype, at = plan.graph.tensors[ref.tensor].dtype, plan.schedule.layouts[ref.tensor]
    arena, offset = plan.place(ref.tensor)
    place = c_place((arena, offset + ref.offset * dtype.bytes))
    if o.mode == "row" and at.ring != 1:
        slot = f"(y % {at.ring})" if at.ring else "y"
        place += f" + {slot} * {at.geom.row_stride * dtype.bytes}"
    pointer = f"({CTYPES[dtype.value]} *)(void *)({place})"
    return f"{pointer} + x" if o.mode == "window" else pointer
