"""The arena over time, as data: what each buffer holds, when it is alive, what it shares, and what makes the peak.

Everything here is in bytes and steps; report/chart.py turns it into a drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from tinyml.errors import printable
from tinyml.ir import Graph, hwc
from tinyml.plan.model import ArenaBuffer, Plan, Schedule, Stage, Step


class Role(Enum):
    """What a buffer is there for; the value is the word a reader sees."""

    INPUT = "input"
    OUTPUT = "output"
    TENSOR = "tensor"
    ROWS = "rows kept in a stage"
    WINDOW = "windows inside a stage"
    PATCH = "patches inside a stage"
    ACCUMULATOR = "accumulator"
    SCRATCH = "scratch"
    STATE = "position in the stream"

    @property
    def style(self) -> str:
        """CSS class."""
        return self.value.partition(" ")[0]


INNER = (Role.ROWS, Role.WINDOW, Role.PATCH)  # what operators of a stage hand to each other


class Why(Enum):
    """Why a buffer must exist during one step."""

    READ = "read"
    WRITTEN = "written"
    BOTH = "read and written in place"
    INNER = "passed on inside"
    WORK = "working memory"
    KEPT = "kept for a later step"


@dataclass(frozen=True)
class Box:
    """A buffer on the arena (of several, one behind another): bytes offset..offset+size-1 during steps first..last. `tensors`: the model file's names.

    maker: the operator that fills it; empty for inputs and scratch. alternate: drawn in a second shade, for tensors that are alive together."""

    id: int
    role: Role
    name: str
    maker: str
    offset: int
    size: int
    first: int
    last: int
    tensors: tuple[str, ...]
    alternate: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.size

    @property
    def style(self) -> str:
        """CSS classes."""
        return self.role.style + (" alternate" if self.alternate else "")


@dataclass(frozen=True)
class Shared:
    """Bytes lo..hi-1 belong to two buffers that are both alive in steps first..last."""

    low: Box
    high: Box
    lo: int
    hi: int
    first: int
    last: int


@dataclass(frozen=True)
class Part:
    """One term of the peak: buffers that are there for the same reason, and the sum of their sizes."""

    why: Why
    role: Role
    name: str
    size: int
    boxes: tuple[Box, ...]

    @property
    def style(self) -> str:
        return self.boxes[0].style if len(self.boxes) == 1 else self.role.style


@dataclass(frozen=True)
class Peak:
    """Why the arena is as large as it is: parts - shared + unused = arena bytes.

    shared: bytes that parts overlap by; unused: bytes of the arena that nothing holds in that step (placement, alignment)."""

    step: int
    parts: tuple[Part, ...]
    shared: int
    unused: int

    @property
    def live(self) -> int:
        return sum(p.size for p in self.parts) - self.shared


def boxes(plan: Plan) -> tuple[Box, ...]:
    """Every buffer of the plan, in the order of the schedule."""
    schedule, graph = plan.schedule, plan.graph
    scratch, states = {s.scratch for s in schedule.steps}, {s.state for _, s in schedule.stages()}
    sums = {r.accumulator: r.node for _, s in schedule.stages() for r in s.rows if r.accumulator is not None}
    inside: dict[int, list[int]] = {}
    for t, at in schedule.layouts.items():
        inside.setdefault(at.buffer, []).append(t)
    inner = inner_tensors(schedule, graph)
    out: list[Box] = []
    for b in schedule.buffers:
        held = inside.get(b.id, [])
        if b.id in scratch:
            role, name, maker = Role.SCRATCH, "scratch", ""
        elif b.id in states:
            role, name, maker = Role.STATE, "state between two pushed rows", ""
        elif b.id in sums:
            maker = operator_name(graph, sums[b.id])
            role, name = Role.ACCUMULATOR, f"sums of {maker}"
        else:
            role, name, maker = _tensor_buffer(graph, schedule, b, held, inner)
        names = tuple(printable(graph.tensors[t].name) for t in held)
        beside = [x.alternate for x in out if x.role is Role.TENSOR and x.first <= b.last and b.first <= x.last]
        alternate = role is Role.TENSOR and beside.count(False) > beside.count(True)
        out.append(Box(b.id, role, name, maker, plan.stacked(b.id), b.size_bytes, b.first, b.last, names, alternate))
    return tuple(out)


def _tensor_buffer(graph: Graph, schedule: Schedule, b: ArenaBuffer, held: list[int], inner: set[int]) -> tuple[Role, str, str]:
    for role, ids in ((Role.INPUT, graph.inputs), (Role.OUTPUT, graph.outputs)):
        mine = [k for k, t in enumerate(ids) if t in held]
        if mine:
            t = ids[mine[0]]
            number = f" {mine[0]}" if len(ids) > 1 else ""
            rows, height = ring_rows(graph, schedule, t)
            part = f"{rows} of {height} rows of " if rows < height else ""
            return role, f"{part}{role.value}{number} {shape_text(graph.tensors[t].shape)}", ""
    if not held:  # operators that run block by block pass on a few pixels, never a row
        return Role.WINDOW, printable(b.what.partition(" of step")[0]), ""
    root = b.id if b.id in held else held[0]
    made = operator_name(graph, graph.producer[root]) if root in graph.producer else f"tensor {root}"
    if (stage := _stage_of_tiles(schedule, held[0])) and stage.grid.mode == "patches":
        return Role.PATCH, f"patches of {len(held)} tensor{'s' * (len(held) != 1)}", ""
    if all(t in inner for t in held):
        # the tensors that share one ring are completed in it one after the other; the last names it
        last = max(held, key=lambda t: graph.producer.get(t, -1))
        made = operator_name(graph, graph.producer[last])
        rows, height = ring_rows(graph, schedule, last)
        strip = f", {schedule.layouts[last].geom.w} columns wide" if stage else ""
        return Role.ROWS, f"{rows} of {height} rows of {made}{strip}", made
    return Role.TENSOR, f"{made} {shape_text(graph.tensors[root].shape)}", made


def _stage_of_tiles(schedule: Schedule, t: int) -> Stage | None:
    """The stage of whose tiles the tensor is a part."""
    return next((s for _, s in schedule.stages() if s.grid is not None and t in s.grid.local), None)


def inner_tensors(schedule: Schedule, graph: Graph) -> set[int]:
    """Tensors that are made in a stage, and read there alone."""
    out: set[int] = set()
    for _, stage in schedule.stages():
        own = set(stage.nodes)
        for k in stage.nodes:
            out.update(t for t in graph.nodes[k].outputs if t not in graph.outputs and set(graph.consumers.get(t, ())) <= own)
    return out


def ring_rows(graph: Graph, schedule: Schedule, t: int) -> tuple[int, int]:
    """Rows of a tensor that exist at a time, and all of them."""
    height = hwc(graph.tensors[t].shape)[0]
    return schedule.layouts[t].ring or height, height


def stage_mode(stage: Stage) -> str:
    """stream: every operator's result exists row by row; window: some exist only as a few pixels in front of their reader;
    strips: row by row in one vertical strip after the other; patches: rectangle by rectangle."""
    if stage.grid is not None:
        return stage.grid.mode
    return "stream" if set(stage.nodes) == {r.node for r in stage.rows if r.node in stage.nodes} else "window"


def stage_way(stage: Stage) -> str:
    """How a stage runs, in words."""
    if stage.grid is None:
        return "row by row"
    if stage.grid.mode == "strips":
        return f"row by row in {stage.grid.tiles} strips"
    return f"in {len(stage.grid.rows)}×{len(stage.grid.columns)} patches"


def operator_name(graph: Graph, node: int) -> str:
    """Operator and its number in the model file, e.g. "CONV_2D #3"."""
    n = graph.nodes[node]
    return f"{n.op} #{n.index}"


def shape_text(shape: Iterable[int]) -> str:
    """Without the batch of one: 32×32×16."""
    dims = tuple(shape)
    dims = dims[1:] if len(dims) > 1 and dims[0] == 1 else dims
    return "×".join(map(str, dims)) or "1"


def shared_regions(found: Iterable[Box]) -> Iterator[Shared]:
    """Every pair of buffers that are alive at the same time and have bytes in common, the lower one first."""
    ordered = sorted(found, key=lambda b: (b.offset, b.id))
    for k, a in enumerate(ordered):
        for b in ordered[k + 1 :]:
            if b.offset >= a.end:
                break
            first, last = max(a.first, b.first), min(a.last, b.last)
            if first <= last and b.size:
                yield Shared(a, b, b.offset, min(a.end, b.end), first, last)


def covered(found: Iterable[Box]) -> int:
    """Bytes that the boxes cover; what several share counts once."""
    end = total = 0
    for b in sorted(found, key=lambda b: b.offset):
        total += max(0, b.end - max(b.offset, end))
        end = max(end, b.end)
    return total


def peak(plan: Plan, found: tuple[Box, ...]) -> Peak:
    """The first step with the most live bytes, and what is alive there."""
    count = max(1, len(plan.schedule.steps))
    alive = [[b for b in found if b.first <= s <= b.last] for s in range(count)]
    at = max(range(count), key=lambda s: (covered(alive[s]), -s))
    groups: dict[tuple[Why, Role], list[Box]] = {}
    for b in alive[at]:
        groups.setdefault((_why(plan, at, b), b.role), []).append(b)
    parts = [Part(why, role, _group_name(role, each), sum(b.size for b in each), tuple(each)) for (why, role), each in groups.items()]
    live = covered(alive[at])
    return Peak(at, tuple(sorted(parts, key=lambda p: -p.size)), sum(p.size for p in parts) - live, plan.total_bytes - live)


def _group_name(role: Role, each: list[Box]) -> str:
    if len(each) == 1:
        return each[0].name
    return f"rows between its operators ({len(each)} buffers)" if role is Role.ROWS else f"{len(each)} {role.value}s"


def _why(plan: Plan, step: int, b: Box) -> Why:
    if b.role in (Role.SCRATCH, Role.ACCUMULATOR, Role.STATE):
        return Why.WORK
    if b.role in INNER:
        return Why.INNER
    if not plan.schedule.steps:
        return Why.KEPT
    reads, writes = touched(plan, plan.schedule.steps[step])
    if b.id in reads:
        return Why.BOTH if b.id in writes else Why.READ
    return Why.WRITTEN if b.id in writes else Why.KEPT


def touched(plan: Plan, step: Step | Stage) -> tuple[set[int], set[int]]:
    """Buffers of the tensors that a step gets from outside, and of those that it makes."""
    nodes, at = [plan.graph.nodes[k] for k in step.nodes], plan.schedule.layouts
    made = {t for n in nodes for t in n.outputs}
    reads = {at[t].buffer for n in nodes for t in n.inputs if t is not None and t in at and t not in made}
    return reads, {at[t].buffer for t in made if t in at}
