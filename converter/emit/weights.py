"""Which flash bank a constant table lies in: what is read most often for its size stays in the fastest one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinyml.emit.tables import EmittedTable, TableSet
from tinyml.ir import hwc
from tinyml.opspec import KernelCall, Table
from tinyml.plan.model import Plan, Stage

TABLE_ALIGN = 4  # bytes; of weights.c.j2
SECTION = "weights"  # the only tables that may leave the main flash: look-up tables are small and read all the time


@dataclass(frozen=True)
class FlashRoom:
    """Bytes that a bank has left for weights; bank "" is the main flash. The fastest one comes first."""

    bank: str
    size_bytes: int


def heats(plan: Plan, tables: TableSet) -> dict[str, int]:
    """How often an inference reads an element of each table, by its name: once per pixel of the output that it serves. Operators
    that share a table add up."""
    out: dict[str, int] = {}
    for node, call in _calls(plan):
        h, w, _ = hwc(plan.graph.view(plan.graph.nodes[node]).y.shape)
        for name in sorted({tables.name(t) for t in _tables((*call.args, *(v for _, v in call.params)))}):
            out[name] = out.get(name, 0) + h * w
    return out


def place_tables(tables: Sequence[EmittedTable], heat: Mapping[str, int], rooms: Sequence[FlashRoom]) -> dict[str, str]:
    """The bank of every table that does not lie in the main flash, by its name. The hottest tables choose first; one that fits
    nowhere stays in the main flash, where the report says that it is too much."""
    left = {r.bank: r.size_bytes for r in rooms}
    out: dict[str, str] = {}
    weights = [t for t in tables if t.section == SECTION]
    for t in sorted(weights, key=lambda t: (-heat.get(t.name, 0), t.bytes, t.name)):
        size = -(-t.bytes // TABLE_ALIGN) * TABLE_ALIGN
        bank = next((b for b, room in left.items() if size <= room), "")
        left[bank] = left.get(bank, 0) - size
        if bank:
            out[t.name] = bank
    return out


def _calls(plan: Plan) -> Iterator[tuple[int, KernelCall]]:
    """Every kernel call with the node that it computes."""
    for step in plan.schedule.steps:
        if not isinstance(step, Stage):
            yield from ((step.node, c) for c in step.calls)
            continue
        for r in step.rows:
            nodes = r.nodes if r.links else (r.node,) * len(r.calls)
            yield from zip(nodes, r.calls, strict=True)


def _tables(values: Iterable[object]) -> Iterator[Table]:
    for v in values:
        if isinstance(v, Table):
            if v.data.size:
                yield v
        elif isinstance(v, tuple):
            yield from _tables(v)
