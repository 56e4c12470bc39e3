"""A stage in tiles as C: one function per operator that computes a rectangle, and the tables that tm/tiles.h reads."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.emit.arguments import constant_arg, params_of, window_of
from tinyml.emit.tables import TableSet
from tinyml.emit.values import CTYPES, c_ints
from tinyml.opspec import Arg, Ref, Scratch, Window, load_ops
from tinyml.plan.model import Plan, RowStep, Stage


@dataclass(frozen=True)
class EmittedTile:
    """assignments: statements that set the views in a copy `p` of the constant params. operands: initialisers of
    tm_tile_operand; window: strides, sizes and padding of tm_tile_op."""

    name: str
    label: str
    struct: str
    initialiser: str
    assignments: tuple[str, ...]
    expression: str
    operands: tuple[str, ...]
    window: str
    uses_arena: bool


@dataclass(frozen=True)
class EmittedGrid:
    """Lines of the initialisers of tm_grid's tables; no `rows` for strips."""

    height: int
    width: int
    strips: bool
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    order: tuple[str, ...]
    calls: int


def emit_grid(stage: Stage) -> EmittedGrid:
    grid = stage.grid
    assert grid is not None
    rows, columns = ([n for line in side for span in line for n in span] for side in (grid.rows, grid.columns))
    strips = grid.mode == "strips"
    return EmittedGrid(
        len(grid.rows), len(grid.columns), strips, () if strips else tuple(c_ints(rows)), tuple(c_ints(columns)),
        tuple(c_ints(stage.order)), len(stage.order),
    )  # fmt: skip


def emit_tile(plan: Plan, stage: Stage, position: int, name: str, label: str, tables: TableSet) -> EmittedTile:
    row = stage.rows[position]
    (call,) = row.calls
    slot = {o.tensor: k for k, o in enumerate(row.operands)}
    described = call.geometries()
    assert described is not None
    assignments = []
    for field, a in described:
        if isinstance(a, Ref):
            assignments.append(f"p.{field} = v->geom[{slot[a.tensor]}];")
        else:  # a constant that every pixel shares
            assignments += [f"p.{field}.{e} = v->geom[{len(slot) - 1}].{e};" for e in "hw"]
    windowed = load_ops()[plan.graph.nodes[row.node].op].windowed
    if windowed:
        assignments += ["p.pad_top = v->pad_top;", "p.pad_left = v->pad_left;"]
    window = window_of(call) if windowed else (1, 1, 1, 1, 0, 0)
    args = [_arg(plan, stage, row, slot, a, tables) for a in call.args]
    return EmittedTile(
        name, label, call.struct, params_of(call, tables), tuple(assignments), f"{call.func}(&p, {', '.join(args)})",
        tuple(_operand(plan, stage, row, o.tensor) for o in row.operands), ", ".join(map(str, window)),
        any(isinstance(a, Scratch) for a in call.args),
    )  # fmt: skip


def _operand(plan: Plan, stage: Stage, row: RowStep, t: int) -> str:
    assert stage.grid is not None
    graph, at = plan.graph, plan.schedule.layouts[t]
    (h, w, c), (oh, ow, _) = graph.tensors[t].stored, graph.tensors[row.operands[-1].tensor].stored
    row_stride, px_stride = at.geom.row_stride, at.geom.px_stride
    if not _has_window(plan, row):  # repeated along an extent of 1
        row_stride, px_stride, h, w = row_stride if h == oh else 0, px_stride if w == ow else 0, oh, ow
    maker = 1 + next(p for p, r in enumerate(stage.rows) if r.operands[-1].tensor == t) if t in stage.grid.local else 0
    elem = graph.tensors[t].dtype.bytes
    arena, offset = plan.place(t)
    return "{" + ", ".join(map(str, (offset, row_stride, px_stride, h, w, c, at.ring, elem, maker, arena))) + "}"


def _has_window(plan: Plan, row: RowStep) -> bool:
    view = plan.graph.view(plan.graph.nodes[row.node])
    return any(isinstance(a, Window) for a in load_ops()[view.node.op].access(view))


def _arg(plan: Plan, stage: Stage, row: RowStep, slot: dict[int, int], a: Arg, tables: TableSet) -> str:
    fixed = constant_arg(plan, stage, a, tables)
    if fixed is not None:
        return fixed
    assert isinstance(a, Ref) and a.offset == 0
    ctype = CTYPES[plan.graph.tensors[a.tensor].dtype.value]
    if a.tensor == row.operands[-1].tensor:
        return f"({ctype} *)(void *)v->data[{slot[a.tensor]}]"
    return f"(const {ctype} *)(const void *)v->data[{slot[a.tensor]}]"
