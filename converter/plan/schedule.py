"""Turns a graph into steps with kernel calls and buffers with life times, ready to be placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tinyml.ir import Graph
from tinyml.opspec import Elementwise, Geom, Lowering, Window, load_ops
from tinyml.plan.lower_rows import lower_stage
from tinyml.plan.lower_tiles import grid_of, lower_tiles
from tinyml.plan.model import ArenaBuffer, Gap, Layout, Link, RowStep, Schedule, Stage, Step, Target
from tinyml.plan.place import Buffer, Overlap, Problem, solve
from tinyml.plan.rows import PUSHED, Kind, RowNode, chain, row_node
from tinyml.plan.storage import Storage, plan_storage
from tinyml.plan.stream import Stream, stream
from tinyml.plan.tiles import Tiles, Tiling, make_tiles, tile_node

ALIGN = 8  # bytes; every buffer starts at a multiple, so word and double-word loads of a row's start are aligned
STATE_BYTES, COUNTER_BYTES = 4, 2  # of tm_stage_push in tm/stage.h


class Fusion(NamedTuple):
    """Nodes first..end-1 as one stage; `chains` are runs of its nodes that go in blocks of `pixels` (rows.chain). tiling: the
    stage runs tile by tile, and without chains."""

    first: int
    end: int
    chains: tuple[tuple[int, ...], ...] = ()
    pixels: int = 8
    tiling: Tiling | None = None


@dataclass
class _Draft:
    """A schedule under construction. step_of: node position -> step that runs it, or after which a view exists."""

    graph: Graph
    storage: Storage
    geoms: dict[int, Geom]
    target: Target
    pushed: RowNode | None
    scratch: Mapping[int, int]
    steps: list[Step | Stage] = field(default_factory=list)
    step_of: dict[int, int] = field(default_factory=dict)
    extra: list[ArenaBuffer] = field(default_factory=list)  # scratch, accumulators, rings
    streams: list[tuple[int, Stream | Tiles]] = field(default_factory=list)  # what may be overwritten in which step

    def target_of(self, first: int) -> Target:
        """The target of the step that begins with node `first`: scratch that has its place costs nothing."""
        if first not in self.scratch:
            return self.target
        free = "balanced" if self.target.optimize == "ram" else self.target.optimize
        return replace(self.target, scratch_bytes=self.scratch[first], optimize=free)

    def buffer(self, size: int, what: str) -> int:
        """A buffer of the step that is added next."""
        s, number = len(self.steps), self.graph.fresh_id() + len(self.extra)
        self.extra.append(ArenaBuffer(number, size, ALIGN, s, s, f"{what} of step {s}"))
        return number


def make_schedule(
    graph: Graph,
    target: Target,
    views: bool = True,
    in_place: bool = True,
    stages: Sequence[Fusion] = (),
    overlap: bool = False,
    pushed: RowNode | None = None,
    scratch: Mapping[int, int] | None = None,
) -> Schedule:
    """The operators in the order of graph.nodes: those of a range in `stages` fused, any other one alone, where it has
    anything to execute. overlap: also say by how much a step's output may reach into an input that dies there.
    pushed: the caller, where the input comes row by row; then the first stage begins with node 0. scratch: bytes that the
    kernels of a step may use, by its first node, where that is not the target's limit."""
    fused = {k for s in stages for k in range(s.first, s.end)}
    storage = plan_storage(graph, views, in_place, fused)
    draft = _Draft(graph, storage, {t: at.geom for t, at in storage.layouts.items()}, target, pushed, scratch or {})
    starts = {s.first: s for s in stages}
    k = 0
    while k < len(graph.nodes):
        if k in starts:
            _add_stage(draft, starts[k])
            k = starts[k].end
        else:
            _add_step(draft, k, overlap)
            k += 1
    lives = _lives(draft)
    return Schedule(tuple(draft.steps), draft.storage.layouts, (*lives, *draft.extra), tuple(_gaps(draft, lives)))


def stage_stream(graph: Graph, s: Fusion, last_read: dict[int, int], pushed: RowNode | None = None) -> Stream | None:
    """A range of nodes as one stage, None where one of them can not run so. last_read: node position per tensor."""
    own = stage_nodes(graph, s)
    return None if own is None else nodes_stream(graph, own, s.first, s.end, last_read, pushed)


def nodes_stream(
    graph: Graph, own: list[RowNode], lo: int, hi: int, last_read: dict[int, int], pushed: RowNode | None = None
) -> Stream | None:
    """The stage of nodes lo..hi-1, of which `own` are the rows; None where it can not be one, see `stage_ends`."""
    ends = stage_ends(graph, own, lo, hi, last_read, pushed)
    return None if ends is None else stream(graph, *ends)


def stage_ends(
    graph: Graph, own: list[RowNode], lo: int, hi: int, last_read: dict[int, int], pushed: RowNode | None = None
) -> tuple[list[RowNode], list[int], list[int]] | None:
    """What `stream` is given for nodes lo..hi-1, of which `own` are the rows. A stage that begins with node 0 is fed by `pushed`,
    and must then hold all who read what is pushed (else None)."""
    if pushed is not None and lo == 0:
        if last_read[pushed.out] >= hi:
            return None
        own = [pushed, *own]
    outputs = [n.out for n in own if last_read.get(n.out, -1) >= hi]
    ids = dict.fromkeys(r.tensor for n in own for r in n.reads)
    dying = [t for t in ids if (pushed is None or t != pushed.out) and graph.producer.get(t, -1) < lo and last_read.get(t, -1) < hi]
    return own, outputs, dying


def stage_tiles(graph: Graph, s: Fusion, last_read: dict[int, int]) -> Tiles | None:
    """A range of nodes as one stage in tiles, None where that is not possible."""
    nodes = [n for k in range(s.first, s.end) if (n := tile_node(graph, k))]
    if s.tiling is None or len(nodes) < s.end - s.first:
        return None
    outputs = [n.out for n in nodes if last_read.get(n.out, -1) >= s.end]
    ids = dict.fromkeys(r.tensor for n in nodes for r in n.reads)
    dying = [t for t in ids if graph.producer.get(t, -1) < s.first and last_read.get(t, -1) < s.end]
    return make_tiles(graph, nodes, s.tiling, outputs, dying)


def patch_places(graph: Graph, tiles: Tiles) -> tuple[int, dict[int, int]]:
    """Bytes of the buffer that holds what operators of one patch hand to each other, and where in it each tensor lies."""
    buffers = tuple(Buffer(t, tiles.bytes(graph, t), ALIGN, first, last) for t, (first, last) in tiles.lives().items())
    overlaps = tuple(Overlap(low, high, distance) for (low, high), distance in tiles.meetings(graph).items())
    placement = solve(Problem(buffers, overlaps))
    return placement.height, dict(placement.offsets)


def windows_bytes(graph: Graph, links: Sequence[Link]) -> int:
    """Bytes of the windows of one chain, each at a multiple of ALIGN."""
    total = 0
    for k in links:
        t = graph.tensors[graph.nodes[k.node].outputs[0]]
        total += -(-k.rows * k.columns * t.stored[2] * t.dtype.bytes // ALIGN) * ALIGN
    return total


def stage_nodes(graph: Graph, s: Fusion) -> list[RowNode] | None:
    """The stage's nodes, chains joined, each where its last operator stands; None where that is not possible."""
    nodes = {k: row_node(graph, k) for k in range(s.first, s.end)}
    for group in s.chains:
        parts = [n for k in group if (n := nodes.pop(k, None))]
        nodes[group[-1]] = chain(graph, parts, s.pixels) if len(parts) == len(group) else None
    return None if None in nodes.values() else [n for _, n in sorted(nodes.items()) if n]


def layer_stream(graph: Graph, k: int, last_read: dict[int, int]) -> Stream | None:
    """Node k alone, run as a whole by a kernel that promises to go row by row or element by element; None for any other."""
    node = row_node(graph, k)
    if node is None or node.kind is not Kind.ROWS:
        return None
    view = graph.view(graph.nodes[k])
    live = (a for t, a in zip(view.inputs, load_ops()[view.node.op].access(view), strict=True) if t is not None and not t.is_const)
    return stage_stream(graph, Fusion(k, k + 1), last_read) if all(isinstance(a, (Window, Elementwise)) for a in live) else None


def last_reads(graph: Graph) -> dict[int, int]:
    """Position of the last node that reads a tensor; len(graph.nodes) for the network's outputs."""
    out = {t: readers[-1] for t, readers in graph.consumers.items()}
    out.update((t, len(graph.nodes)) for t in graph.outputs)
    return out


def _add_step(draft: _Draft, k: int, overlap: bool) -> None:
    graph, node = draft.graph, draft.graph.nodes[k]
    spec, view = load_ops()[node.op], graph.view(node)
    in_place = k in draft.storage.in_place_views
    target = draft.target_of(k)
    lowering = Lowering(draft.geoms, target.isa, target.optimize, 1, target.scratch_bytes, target.without)
    calls = spec.lower_rest(view, lowering) if in_place else spec.lower(view, lowering)
    if calls:
        size = max(c.scratch_bytes for c in calls)
        scratch = draft.buffer(size, "scratch") if size else None
        if overlap and not in_place and (alone := layer_stream(graph, k, last_reads(graph))):
            draft.streams.append((len(draft.steps), alone))
        draft.steps.append(Step(k, calls, scratch))
    draft.step_of[k] = max(0, len(draft.steps) - 1)


def _add_tiles(draft: _Draft, s: Fusion) -> None:
    graph = draft.graph
    tiles = stage_tiles(graph, s, last_reads(graph))
    assert tiles is not None and (draft.pushed is None or s.first > 0), s
    layouts = dict(draft.storage.layouts)
    places: dict[int, tuple[int, int]] = {}  # buffer and offset of each tensor that has a place of its own
    if tiles.rings:
        places = {t: (draft.buffer(tiles.bytes(graph, t), f"rows of tensor {t}"), 0) for t in tiles.rings}
    elif tiles.local:
        size, offsets = patch_places(graph, tiles)
        buffer = draft.buffer(size, "patch")
        places = {t: (buffer, at) for t, at in offsets.items()}
    for t in tiles.inner:
        top = tiles.top(t)
        if top not in places:
            layouts[t] = layouts[top]  # completed in the place of a whole output
            continue
        h, w = tiles.held(graph, top)
        height, _, c = graph.tensors[t].stored
        ring = h if top in tiles.rings and h < height else 0
        layouts[t] = Layout(*places[top], Geom.dense(height if ring else h, w, c), ring)
    draft.storage = replace(draft.storage, layouts=layouts)
    rows, scratch = lower_tiles(graph, tiles, layouts, draft.target_of(s.first))
    draft.streams.append((len(draft.steps), tiles))
    number = draft.buffer(scratch, "scratch") if scratch else None
    draft.steps.append(Stage(rows, tiles.order, number, None, grid_of(tiles)))
    draft.step_of.update((k, len(draft.steps) - 1) for k in range(s.first, s.end))


def _add_stage(draft: _Draft, s: Fusion) -> None:
    if s.tiling is not None:
        _add_tiles(draft, s)
        return
    graph = draft.graph
    flow = stage_stream(graph, s, last_reads(graph), draft.pushed)
    assert flow is not None, s
    layouts = dict(draft.storage.layouts)
    for t, rows in flow.rings.items():
        h, w, c = graph.tensors[t].stored
        ring = 0 if rows >= h else rows
        size = min(rows, h) * w * c * graph.tensors[t].dtype.bytes
        layouts[t] = Layout(draft.buffer(size, f"rows of tensor {t}"), 0, Geom.dense(h, w, c), ring)
    for t in flow.shares:
        top, channel = t, 0
        while top in flow.shares:
            channel, top = channel + flow.begins.get(top, 0), flow.shares[top]
        at, (h, w, c) = layouts[top], graph.tensors[t].stored
        offset = at.offset_bytes + channel * graph.tensors[t].dtype.bytes
        layouts[t] = replace(at, offset_bytes=offset, geom=Geom(h, w, c, at.geom.row_stride, at.geom.px_stride))
    draft.storage = replace(draft.storage, layouts=layouts)
    rows, scratch = lower_stage(graph, flow, layouts, draft.target_of(s.first))
    windows = max(windows_bytes(graph, r.links) for r in rows)
    window = draft.buffer(windows, "windows") if windows else None
    rows = tuple(_with_buffers(draft, r, window) for r in rows)
    draft.streams.append((len(draft.steps), flow))
    number = draft.buffer(scratch, "scratch") if scratch else None
    state = draft.buffer(STATE_BYTES + COUNTER_BYTES * len(rows), "state") if rows[0].node == PUSHED else None
    draft.steps.append(Stage(rows, flow.order, number, state))
    draft.step_of.update((k, len(draft.steps) - 1) for k in range(s.first, s.end))


def _with_buffers(draft: _Draft, r: RowStep, window: int | None) -> RowStep:
    """With a buffer for the accumulator. The windows of a chain share one with those of the stage's other chains, which
    never run at the same time."""
    size = max((c.accumulator_bytes for c in r.calls), default=0)
    links = [replace(k, buffer=window, offset_bytes=windows_bytes(draft.graph, r.links[:i])) for i, k in enumerate(r.links)]
    return replace(r, accumulator=draft.buffer(size, f"accumulator of operator {r.node}") if size else None, links=tuple(links))


def _lives(draft: _Draft) -> list[ArenaBuffer]:
    """A buffer per root tensor, alive from the first write to the last read of anything that lies in it."""
    graph, step_of = draft.graph, draft.step_of
    inner = {t for _, flow in draft.streams for t in flow.inner}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    end = max(0, len(draft.steps) - 1)
    for t, root in draft.storage.roots.items():
        if t in inner:
            continue
        born = 0 if t in graph.inputs else step_of[graph.producer[t]]
        reads = [step_of[k] for k in graph.consumers.get(t, ())]
        died = end if t in graph.outputs else max(reads, default=born)
        first[root] = min(first.get(root, born), born)
        last[root] = max(last.get(root, died), died, born)
    return [ArenaBuffer(r, graph.tensors[r].bytes, ALIGN, first[r], last[r], f"tensor {r}") for r in sorted(first)]


def _gaps(draft: _Draft, lives: Sequence[ArenaBuffer]) -> list[Gap]:
    """Where a step's output may reach into its dying input: both fill their buffers, which no other tensor then needs."""
    by_id = {b.id: b for b in lives}
    filled_by_caller = {draft.storage.roots[t] for t in draft.graph.inputs}
    read_by_caller = {draft.storage.roots[t] for t in draft.graph.outputs}  # under another name, perhaps
    out = []
    for step, flow in draft.streams:
        found: dict[tuple[int, int], int | None] = {}  # a buffer may be read under several names: the largest gap counts
        for (a, b), distance in flow.gaps.items():
            low, high = _filled(draft, b), _filled(draft, a)
            pair = draft.storage.roots[b], draft.storage.roots[a]
            before = found.get(pair, 0)
            found[pair] = None if low is None or high is None or before is None else max(before, distance)
        for (low, high), gap in found.items():
            lives_fit = gap is not None and by_id[low].first == step and by_id[high].last == step
            free = low not in filled_by_caller and high not in read_by_caller
            if lives_fit and free and low != high and gap < by_id[low].size_bytes:
                out.append(Gap(low, high, gap))
    return out


def _filled(draft: _Draft, t: int) -> int | None:
    """The buffer that tensor t fills from its first byte to its last, densely."""
    at, root = draft.storage.layouts[t], draft.storage.roots[t]
    same = at.geom.is_dense and at.offset_bytes == 0 and at.ring == 0
    return root if same and draft.graph.tensors[root].bytes == draft.graph.tensors[t].bytes else None
