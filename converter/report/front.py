"""The front of RAM against time: every plan that no other one beats in both, with the plan in use marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from tinyml.ir import Graph
from tinyml.plan.model import Plan, Schedule
from tinyml.plan.planner import Candidate
from tinyml.plan.schedule import ALIGN
from tinyml.report.macs import planned_macs
from tinyml.work import graph_macs


@dataclass(frozen=True)
class FrontPoint:
    """ram: arena bytes of the placed schedule. macs: as planned; overhead: that over the model's.

    instructions_extra: estimated, beyond layer by layer; None where the plan in use is not one of the front's.
    fits: within the RAM that the board, or the budget, leaves for the arena."""

    ram: int
    macs: int
    overhead: float
    instructions_extra: int | None
    stages: int
    fits: bool
    chosen: bool

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def front_points(candidates: Sequence[Candidate], plan: Plan, graph: Graph, model_macs: int, room: int) -> tuple[FrontPoint, ...]:
    """The candidates as points, smallest arena first. graph: what they are plans of. room: bytes there are for the arena. A plan
    in use that is not among the candidates gets a point of its own."""
    once = graph_macs(graph)

    def point(height: int, schedule: Schedule, cost: int | None, macs: int) -> FrontPoint:
        ram = (height + ALIGN - 1) // ALIGN * ALIGN
        chosen = ram == plan.total_bytes and _stages(schedule) == _stages(plan.schedule)
        return FrontPoint(ram, macs, round(macs / model_macs, 4) if model_macs else 1.0, cost, len(_stages(schedule)), ram <= room, chosen)

    points = [point(c.height, c.schedule, c.cost, once + c.extra_macs) for c in candidates]
    if not any(p.chosen for p in points):
        points.append(point(plan.total_bytes, plan.schedule, None, planned_macs(plan.graph, plan.schedule)))
    return tuple(sorted(points, key=lambda p: (p.ram, p.instructions_extra or 0)))


def _stages(schedule: Schedule) -> tuple[tuple[int, ...], ...]:
    return tuple(s.nodes for _, s in schedule.stages())


def front_table(points: Sequence[FrontPoint]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("arena B", "MACs", "overhead", "instructions more", "stages"):
        table.add_column(title, justify="right")
    table.add_column("")
    for p in points:
        extra = "?" if p.instructions_extra is None else f"{p.instructions_extra:,}"
        mark = ", ".join(t for t in ("<- this plan" if p.chosen else "", "" if p.fits else "does not fit") if t)
        table.add_row(f"{p.ram:,}", f"{p.macs:,}", f"{p.overhead:.3f}", extra, str(p.stages), mark)
    return table
