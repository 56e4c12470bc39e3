"""Buffers in several memory banks: what is used most for its size goes to the fastest one, the rest to the next.

A buffer lies wholly in one bank, so that this is a choice of banks and then one placement (`place`) per bank. The choice is
greedy, in three orders; the one whose accesses cost least wins. Nothing here runs where one bank holds everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinyml.ir import Graph
from tinyml.opspec import load_ops
from tinyml.plan.model import POINTER_BYTES, ArenaBuffer, Schedule, Stage
from tinyml.plan.place import DEFAULT_EFFORT, Buffer, Overlap, Placement, Problem, solve

TRIAL_EFFORT = 2_000  # search nodes of a placement that only asks whether it fits
WORD = 4  # bytes that one access moves, about


@dataclass(frozen=True)
class Room:
    """What a bank has for the arena; bank "" is the main RAM. cycles: of one access, about."""

    bank: str
    size_bytes: int
    cycles: int = 1


@dataclass(frozen=True)
class Split:
    """One placement per bank in use, the fastest bank first. Offsets of the first one count from behind the further arenas'
    addresses. slow_cycles: what accesses take longer than they would in the fastest of the banks."""

    parts: tuple[tuple[Room, Placement], ...]
    slow_cycles: int

    @property
    def header_bytes(self) -> int:
        return POINTER_BYTES * (len(self.parts) - 1)

    @property
    def height(self) -> int:
        return self.header_bytes + sum(p.height for _, p in self.parts)


def traffic(graph: Graph, schedule: Schedule) -> dict[int, int]:
    """Bytes that an inference reads and writes, by buffer: every multiply-accumulate reads one of each operand and of the scratch,
    anything else goes through once."""
    specs, known = load_ops(), {b.id: b.size_bytes for b in schedule.buffers}
    out = dict.fromkeys(known, 0)

    def add(buffer: int | None, size: int) -> None:
        if buffer in known:
            out[buffer] += size

    for step in schedule.steps:
        for k in step.nodes:
            view = graph.view(graph.nodes[k])
            macs = specs[view.node.op].macs(view)
            for t in view.inputs:
                if t is not None and t.id in schedule.layouts:
                    add(schedule.layouts[t.id].buffer, max(t.bytes, macs))
            for t in view.outputs:
                add(schedule.layouts[t.id].buffer if t.id in schedule.layouts else None, t.bytes)
            add(step.scratch, macs)
        if isinstance(step, Stage):
            for r in step.rows:
                add(r.accumulator, r.events * known.get(r.accumulator or -1, 0))
                for link in r.links:
                    view = graph.view(graph.nodes[link.node])
                    add(link.buffer, specs[view.node.op].macs(view) + view.y.bytes)
    return out


def pinned(schedule: Schedule) -> frozenset[int]:
    """Buffers that the generated code finds in arena 0 alone: windows of chains, and where the stream of pushed rows stands."""
    out: set[int | None] = set()
    for _, stage in schedule.stages():
        out.update((stage.state, *(k.buffer for r in stage.rows for k in r.links)))
    return frozenset(b for b in out if b is not None)


def one_bank(height: int, rooms: Sequence[Room]) -> Room | None:
    """The fastest bank that holds an arena of `height` bytes whole; the first one named wins ties."""
    return min((r for r in rooms if height <= r.size_bytes), key=lambda r: r.cycles, default=None)


def split(graph: Graph, schedule: Schedule, rooms: Sequence[Room], effort: int = TRIAL_EFFORT) -> Split | None:
    """The schedule over several banks; None where no order of filling them fits."""
    heat, stay = traffic(graph, schedule), pinned(schedule)
    fast = sorted(rooms, key=lambda r: r.cycles)
    orders: tuple[Callable[[ArenaBuffer], tuple[float, ...]], ...] = (
        lambda b: (-heat[b.id] / max(1, b.size_bytes), b.size_bytes, b.id),
        lambda b: (b.size_bytes, b.id),
        lambda b: (-b.size_bytes, b.id),
    )
    best: Split | None = None
    for order in orders:
        ordered = sorted(schedule.buffers, key=lambda b: (b.id not in stay, *order(b)))
        found = _fill(schedule, ordered, stay, fast, heat, effort)
        if found and (best is None or (found.slow_cycles, found.height) < (best.slow_cycles, best.height)):
            best = found
    return best


def _fill(
    schedule: Schedule, ordered: Sequence[ArenaBuffer], stay: frozenset[int], rooms: Sequence[Room], heat: Mapping[int, int], effort: int
) -> Split | None:
    """The banks one after the other, each with as many of the buffers as it holds, in their order."""
    left, parts, slow = list(ordered), [], 0
    for k, room in enumerate(rooms):
        size = max(0, room.size_bytes - (POINTER_BYTES * (len(rooms) - 1) if k == 0 else 0))
        mine, placement = _most(schedule, left, stay if k == 0 else frozenset(), size, effort)
        left = [b for b in left if b not in mine]
        if mine:
            parts.append((room, placement))
            slow += sum(heat[b.id] for b in mine) // WORD * (room.cycles - rooms[0].cycles)
        if k == 0 and any(b.id in stay for b in left):
            return None
    return None if left else Split(tuple(parts), slow)


def _most(
    schedule: Schedule, wanted: Sequence[ArenaBuffer], stay: frozenset[int], size: int, effort: int
) -> tuple[list[ArenaBuffer], Placement]:
    """As many of the buffers as fit into `size` bytes, the first ones first, and where they lie."""
    whole = place_buffers(schedule, wanted, size, effort)
    if whole.height <= size:
        return list(wanted), whole
    loads = [0] * max(1, len(schedule.steps))
    mine: list[ArenaBuffer] = []
    for b in wanted:
        steps = range(b.first, b.last + 1)
        if all(loads[s] + _rounded(b) <= size for s in steps):
            mine.append(b)
            for s in steps:
                loads[s] += _rounded(b)
    while True:
        placement = place_buffers(schedule, mine, size, effort)
        if placement.height <= size:
            return mine, placement
        mine.pop(max((k for k, b in enumerate(mine) if b.id not in stay), default=-1))


def place_buffers(schedule: Schedule, buffers: Iterable[ArenaBuffer], capacity: int | None, effort: int = DEFAULT_EFFORT) -> Placement:
    """Some of a schedule's buffers by themselves: those that may overlap still may."""
    mine = tuple(Buffer(b.id, b.size_bytes, b.align, b.first, b.last) for b in buffers)
    ids = {b.id for b in mine}
    overlaps = (Overlap(g.low, g.high, g.distance_bytes) for g in schedule.gaps if g.low in ids and g.high in ids)
    return solve(Problem(mine, tuple(overlaps), capacity), effort)


def _rounded(b: ArenaBuffer) -> int:
    return -(-b.size_bytes // b.align) * b.align
