"""The HTML report: one page that needs nothing else, drawn from a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinyml import __version__
from tinyml.plan.model import Link, Plan, RowStep, Stage
from tinyml.report.arena import Box, Peak, Role, boxes, inner_tensors, operator_name, peak, ring_rows, shape_text, stage_mode, stage_way
from tinyml.report.chart import arena_chart, operators
from tinyml.report.front import FrontPoint
from tinyml.report.front_chart import front_chart
from tinyml.report.macs import step_macs
from tinyml.report.memory import LayerRow, PlanReport
from tinyml.report.text import bank_lines
from tinyml.resources import templates_dir

LISTED = 12  # buffers of the peak beside the chart; the table below has all of them


@dataclass(frozen=True)
class InnerRow:
    """One operator of a stage. `keeps`: where its output is meanwhile."""

    name: str
    shape: str
    macs: int
    calls: str
    keeps: str
    kept_bytes: int | None
    kernels: str


@dataclass(frozen=True)
class TableRow:
    row: LayerRow
    name: str
    shape: str
    share: float  # of the arena, in percent
    kernels: str
    mode: str
    inner: tuple[InnerRow, ...]


@dataclass(frozen=True)
class Segment:
    """One piece of a bar; width in percent of the bar."""

    kind: str
    name: str
    size: int
    width: float


@dataclass(frozen=True)
class Bar:
    """Memory that is used, against what there is; `limit` is where the budget ends, in percent of the bar."""

    name: str
    total: int
    budget: int
    segments: tuple[Segment, ...]
    limit: float

    @property
    def over(self) -> int:
        return max(0, self.total - self.budget)


@cache
def environment() -> Environment:
    """For templates whose output is HTML or SVG."""
    env = Environment(
        loader=FileSystemLoader(templates_dir()), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    env.filters["count"] = lambda n: "?" if n is None else f"{n:,}"
    return env


def plan_page(plan: Plan, report: PlanReport, points: Sequence[FrontPoint]) -> str:
    """The page as text: no path, no date, no request to anywhere; equal for equal arguments. Every name from the model file is
    printable ASCII (errors.printable) and escaped by the template."""
    found = boxes(plan)
    top = peak(plan, found)
    room = arena_room(report)
    return environment().get_template("plan.html.j2").render(
        version=__version__, report=report, plan=plan, headline=headline(plan, top), peak=top,
        chart=arena_chart(plan, found, top, room), room=room, roles=[r for r in Role if any(b.role is r for b in found)],
        at_peak=_largest(top), more=_rest(top), rows=table_rows(plan, report), boxes=found,
        gaps=[(g, _name(found, g.low), _name(found, g.high)) for g in plan.schedule.gaps],
        bars=(
            _bar("RAM", report.ram.budget, (("arena", report.ram.arena), ("stack", report.ram.stack), ("runtime", report.ram.runtime or 0))),
            _bar("Flash", report.flash.budget, (("weights", report.flash.weights), ("code", report.flash.code or 0))),
        ),
        front=front_chart(points, room), points=points, banks=report.banks if bank_lines(report) else (),
    )  # fmt: skip


def arena_room(report: PlanReport) -> int:
    """Bytes that the budget leaves for the arena."""
    return max(0, report.ram.budget - report.ram.stack - (report.ram.runtime or 0))


def headline(plan: Plan, top: Peak) -> str:
    """Which step is the peak, and what it does."""
    if not plan.schedule.steps:
        return "Nothing is computed: inputs and outputs alone fill the arena."
    step = plan.schedule.steps[top.step]
    if isinstance(step, Stage):
        first, last = (operator_name(plan.graph, k) for k in (step.nodes[0], step.nodes[-1]))
        pushed = " as the caller pushes the input" if step.pushed is not None else ""
        return f"Step {top.step} decides it: a stage of {operators(step)}, {first} to {last}, run {stage_way(step)}{pushed}."
    return f"Step {top.step} decides it: {operator_name(plan.graph, step.node)} runs as a whole."


def _largest(top: Peak) -> list[tuple[Box, str, float]]:
    """The peak's largest buffers, why they are there, and their share of the largest one in percent."""
    each = sorted(((b, p.why.value) for p in top.parts for b in p.boxes), key=lambda e: -e[0].size)
    return [(b, why, round(100 * b.size / max(1, each[0][0].size), 1)) for b, why in each[:LISTED]]


def _rest(top: Peak) -> tuple[int, int]:
    """How many buffers of the peak are not listed, and their bytes."""
    sizes = sorted((b.size for p in top.parts for b in p.boxes), reverse=True)[LISTED:]
    return len(sizes), sum(sizes)


def table_rows(plan: Plan, report: PlanReport) -> tuple[TableRow, ...]:
    out = []
    for row, step in zip(report.layers, plan.schedule.steps, strict=True):
        share = round(100 * row.live_bytes / max(1, plan.total_bytes), 1)
        inner, mode, name = (), "", operator_name(plan.graph, step.nodes[0])
        if isinstance(step, Stage):
            inner, mode = _inner_rows(plan, step), stage_mode(step)
            name = f"stage of {operators(step)}"
        out.append(TableRow(row, name, shape_text(row.shape), share, ", ".join(row.kernels), mode, inner))
    return tuple(out)


def _inner_rows(plan: Plan, stage: Stage) -> tuple[InnerRow, ...]:
    macs, rows = step_macs(plan.graph, stage), []
    for r in stage.rows:
        rows += [(k.node, _link(plan, r, k, call.func, macs[k.node])) for k, call in zip(r.links, r.calls, strict=False)]
        rows += [(r.node, _inner(plan, stage, r, macs[r.node]))] if r.node in stage.nodes else []
    return tuple(row for _, row in sorted(rows, key=lambda e: e[0]))


def _link(plan: Plan, r: RowStep, link: Link, kernel: str, macs: int) -> InnerRow:
    """An operator that runs with its reader, block by block."""
    y = plan.graph.view(plan.graph.nodes[link.node]).y
    kept = link.rows * link.columns * y.stored[2] * y.dtype.bytes
    reader = operator_name(plan.graph, r.node)
    keeps = f"{link.rows}×{link.columns} pixels"
    return InnerRow(operator_name(plan.graph, link.node), shape_text(y.shape), macs, f"with {reader}", keeps, kept, kernel)


def _inner(plan: Plan, stage: Stage, r: RowStep, macs: int) -> InnerRow:
    graph, schedule = plan.graph, plan.schedule
    node = graph.nodes[r.node]
    y, at = graph.tensors[node.outputs[0]], schedule.layouts[node.outputs[0]]
    size = {b.id: b.size_bytes for b in schedule.buffers}
    keeps, kept = "in its own buffer", None
    if stage.grid is not None and y.id in stage.grid.local:
        _, width, _ = y.stored
        rows, g = at.ring or at.geom.h, at.geom
        keeps, kept = f"{rows}×{g.w} of {y.stored[0]}×{width} pixels", rows * g.w * g.c * y.dtype.bytes
    elif y.id in inner_tensors(schedule, graph):
        heirs = [t for t, other in schedule.layouts.items() if other.buffer == at.buffer and t != y.id]
        after = [t for t in heirs if graph.producer.get(t, -1) > r.node]
        if after:
            keeps = f"written where {operator_name(graph, graph.producer[min(after, key=lambda t: graph.producer[t])])} completes it"
        else:
            rows, height = ring_rows(graph, schedule, y.id)
            keeps, kept = f"{rows} of {height} rows", size[at.buffer]
    if r.accumulator is not None:
        keeps += f", sums in {size[r.accumulator]:,} B"
    own = r.calls[len(r.links) :]
    kernels = ", ".join(dict.fromkeys(c.func for c in own))
    calls = f"{r.events} rows, {r.pixels} pixels at a time" if r.links else f"{r.events} × {len(own)} calls"
    return InnerRow(operator_name(graph, r.node), shape_text(y.shape), macs, calls, keeps, kept, kernels)


def _name(found: Sequence[Box], number: int) -> str:
    return next(b.name for b in found if b.id == number)


def _bar(name: str, budget: int, parts: Sequence[tuple[str, int]]) -> Bar:
    total = sum(size for _, size in parts)
    whole = max(total, budget, 1)
    segments = tuple(Segment(kind, kind, size, round(100 * size / whole, 3)) for kind, size in parts if size)
    return Bar(name, total, budget, segments, round(100 * budget / whole, 3))
