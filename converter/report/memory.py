"""What a plan needs of a board, field by field as `tinyml plan --json` documents it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tinyml.board import Board
from tinyml.pipeline import Compiled
from tinyml.plan.model import Plan
from tinyml.report.arena import INNER, boxes, stage_mode
from tinyml.report.macs import planned_bitops, step_macs
from tinyml.work import graph_macs, node_macs


@dataclass(frozen=True)
class Ram:
    """Bytes. arena: everything the inference needs, resident inputs, outputs and scratch included. stack: the board's
    reserve. runtime: static data of the firmware around it (None where no compiler measured it)."""

    arena: int
    stack: int
    runtime: int | None
    total: int
    budget: int
    lower_bound: int
    input: int


@dataclass(frozen=True)
class Flash:
    """Bytes. weights: the network's constants. code: everything else in flash (None where no compiler measured it)."""

    weights: int
    code: int | None
    total: int
    budget: int


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates per inference: of the model file, as planned (recompute included), without dead channels; bitops:
    as planned, each times the bits of its weights and of its activations."""

    model: int
    planned: int
    live: int
    bitops: int = 0


@dataclass(frozen=True)
class LayerRow:
    index: int  # step
    op: str
    operator: int  # index in the model file
    shape: tuple[int, ...]
    macs: int
    live_bytes: int
    kernels: tuple[str, ...]


@dataclass(frozen=True)
class StageRow:
    """A fused stage: operators (model-file indices) that run together, and the bytes of rows, windows or patches kept between
    them. extra_macs: multiply-accumulates that it does again, in halos or for rows that two windows share."""

    step: int
    mode: str
    operators: tuple[int, ...]
    ring_bytes: int
    calls: int  # kernel calls per inference
    extra_macs: int


@dataclass(frozen=True)
class BankRow:
    """A memory bank of the board, and the bytes of it that are used, in all and for what. runtime, code: None where no compiler
    measured them; they, the stack and the program are in the first bank of their kind. cycles: of one access, about."""

    name: str
    kind: str
    origin: int
    size: int
    used: int
    arena: int
    stack: int
    runtime: int | None
    weights: int
    code: int | None
    cycles: int
    speed: str


@dataclass(frozen=True)
class PlanReport:
    model: str
    board: str
    ram: Ram
    flash: Flash
    macs: Macs
    stages: tuple[StageRow, ...]
    layers: tuple[LayerRow, ...]
    banks: tuple[BankRow, ...]
    peak: LayerRow | None
    optimal: bool
    model_hash: str

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """What a compiler says of the firmware: bytes of flash without weights, of static RAM without the arena."""

    code: int
    runtime: int


def live_bytes(plan: Plan) -> list[int]:
    """Bytes of the arena that hold something in each step; what two buffers share counts once."""
    out = []
    for s in range(max(1, len(plan.schedule.steps))):
        end = total = 0
        for lo, size in sorted((plan.stacked(b.id), b.size_bytes) for b in plan.schedule.buffers if b.first <= s <= b.last):
            total += max(0, lo + size - max(lo, end))
            end = max(end, lo + size)
        out.append(total)
    return out


def layer_rows(plan: Plan) -> tuple[LayerRow, ...]:
    live = live_bytes(plan)
    rows = []
    for k, step in enumerate(plan.schedule.steps):
        nodes = [plan.graph.nodes[n] for n in step.nodes]
        kernels = tuple(dict.fromkeys(c.func for c in step.calls))
        name = nodes[0].op if len(nodes) == 1 else f"{nodes[0].op} .. {nodes[-1].op}"
        macs = sum(step_macs(plan.graph, step).values())
        rows.append(LayerRow(k, name, nodes[0].index, plan.graph.view(nodes[-1]).y.shape, macs, live[k], kernels))
    return tuple(rows)


def stage_rows(plan: Plan) -> tuple[StageRow, ...]:
    rows, found = [], boxes(plan)
    for k, stage in plan.schedule.stages():
        rings = sum(b.size for b in found if b.first == k and b.role in INNER)
        extra = sum(step_macs(plan.graph, stage).values()) - sum(node_macs(plan.graph, n) for n in stage.nodes)
        calls = len(stage.order) * (stage.grid.tiles if stage.grid else 1)
        rows.append(StageRow(k, stage_mode(stage), tuple(plan.graph.nodes[n].index for n in stage.nodes), rings, calls, extra))
    return tuple(rows)


def plan_report(c: Compiled, board: Board, measured: Measured | None, ram: int | None = None, flash: int | None = None) -> PlanReport:
    """The report for a board, or for the given budgets in bytes."""
    plan = c.plan
    code, runtime = (measured.code, measured.runtime) if measured else (None, None)
    ram_total = plan.total_bytes + board.stack_bytes + (runtime or 0)
    flash_total = c.project.weights_bytes + (code or 0)
    banks = bank_rows(c, board, code, runtime)
    layers = layer_rows(plan)
    planned = sum(r.macs for r in layers)
    g = plan.graph
    return PlanReport(
        model=c.project.prefix,
        board=board.name,
        ram=Ram(
            plan.total_bytes, board.stack_bytes, runtime, ram_total, ram or _budget(board, banks, "ram"), plan.lower_bound_bytes,
            sum(_stored_bytes(plan, t) for t in g.inputs),
        ),
        flash=Flash(c.project.weights_bytes, code, flash_total, flash or _budget(board, banks, "flash")),
        macs=Macs(graph_macs(c.source), planned, graph_macs(plan.graph), planned_bitops(plan.graph, plan.schedule)),
        stages=stage_rows(plan),
        layers=layers,
        banks=banks,
        peak=max(layers, key=lambda r: (r.live_bytes, -r.index)) if layers else None,
        optimal=plan.optimal,
        model_hash=c.project.model_hash,
    )  # fmt: skip


def bank_rows(c: Compiled, board: Board, code: int | None, runtime: int | None) -> tuple[BankRow, ...]:
    """What lies in each of the board's banks."""
    arenas = {a.bank: a.size_bytes for a in c.plan.arenas}
    elsewhere = c.project.weights_in
    rows = []
    for b in board.banks:
        ram, main = b.kind == "ram", b is board.main_bank(b.kind)
        arena = arenas.get("" if main else b.name, 0) if ram else 0
        stack = board.stack_bytes if ram and main else 0
        weights = 0 if ram else c.project.weights_bytes - sum(elsewhere.values()) if main else elsewhere.get(b.name, 0)
        own = (runtime if ram else 0, 0 if ram else code) if main else (0, 0)
        used = arena + stack + weights + sum(n or 0 for n in own)
        rows.append(BankRow(b.name, b.kind, b.origin, b.size, used, arena, stack, own[0], weights, own[1], b.cycles, b.speed))
    return tuple(rows)


def _budget(board: Board, banks: tuple[BankRow, ...], kind: str) -> int:
    """The sizes of the banks in use; of all of them, where one holds more than it can."""
    mine = [r for r, b in zip(banks, board.banks, strict=True) if b in board.usable_banks(kind)]
    used = [r for k, r in enumerate(mine) if k == 0 or r.used]
    return sum(r.size for r in (mine if any(r.used > r.size for r in used) else used))


def _stored_bytes(plan: Plan, t: int) -> int:
    """What of a tensor the arena holds at a time: its slots, where it is pushed row by row."""
    at, tensor = plan.schedule.layouts[t], plan.graph.tensors[t]
    return at.ring * at.geom.row_stride * tensor.dtype.bytes if at.ring else tensor.bytes
