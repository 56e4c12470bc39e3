"""Stages that run tile by tile: which rectangle of each operator's output a tile needs, in which order, where it is kept.

The grid is laid over the stage's outputs. What a tile needs of the tensors in front of them follows backwards from the access
patterns; neighbouring tiles compute the rows or columns that both need (the halo) twice. Operators with several readers compute
the smallest rectangle that holds what each of them needs, so residual blocks need nothing special.

"patches": a tile runs operator by operator, each inner tensor a small buffer that the next one may reuse (Lin et al.,
MCUNetV2, NeurIPS 2021). "strips": a tile has all rows, and rows stream through it (`stream`), in rings as wide as the strip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tinyml.ir import Graph, NodeView, Tensor, hwc
from tinyml.opspec import Access, Broadcast, Elementwise, Geom, Lowering, Ref, Window, load_ops
from tinyml.plan.rows import Kind, RowNode, row_node
from tinyml.plan.stream import Stream, stream

PATCHES, STRIPS = "patches", "strips"
MAX_EXTENT = (1 << 15) - 1  # of what tm/tiles.h keeps in 16 bits
MAX_NODES = 254  # of one stage: tm/tiles.h keeps their numbers in 8 bits
MAX_INPUTS = 2  # of one operator: TM_TILE_OPERANDS of tm/tiles.h, less its output
SAME_PLACE = Window((1, 1), (1, 1), (0, 0))  # element-wise: output pixel (y, x) reads input pixel (y, x)

Span = tuple[int, int]  # lo..hi-1


class Tiling(NamedTuple):
    """A grid of rows x columns tiles over the stage's outputs. Strips have one row."""

    mode: str
    rows: int
    columns: int


@dataclass(frozen=True)
class TileRead:
    """window: what a rectangle of the output reads; None: a tensor from outside the stage, repeated over rows or columns.
    exact: each element is read before the output element at its place is written."""

    tensor: int
    window: Window | None
    exact: bool = False


@dataclass(frozen=True)
class TileNode:
    """A node that may be asked for any rectangle of its output."""

    node: int
    reads: tuple[TileRead, ...]
    out: int


@dataclass(frozen=True)
class Tiles:
    """A stage in tiles. order: positions in `nodes`, for each event of one tile. rows[i][p], columns[j][p]: as plan.model.Grid.
    rings: rows of a strip that an inner tensor keeps; empty for patches. shares, gaps: as in plan.stream.Stream."""

    tiling: Tiling
    nodes: tuple[TileNode, ...]
    order: tuple[int, ...]
    rows: tuple[tuple[Span, ...], ...]
    columns: tuple[tuple[Span, ...], ...]
    outputs: tuple[int, ...]
    rings: dict[int, int]
    shares: dict[int, int]
    gaps: dict[tuple[int, int], int]

    @property
    def inner(self) -> tuple[int, ...]:
        """Tensors that never exist as a whole."""
        return tuple(n.out for n in self.nodes if n.out not in self.outputs)

    @property
    def local(self) -> tuple[int, ...]:
        """Inner tensors that have a place of their own, or one's that has: not that of an output."""
        return tuple(t for t in self.inner if self.top(t) not in self.outputs)

    def top(self, t: int) -> int:
        """The tensor in whose place t is written."""
        while t in self.shares:
            t = self.shares[t]
        return t

    def held(self, graph: Graph, t: int) -> tuple[int, int]:
        """Rows and columns of inner tensor t that exist at a time, at most."""
        p = next(k for k, n in enumerate(self.nodes) if n.out == t)
        rows = (
            min(self.rings[t], hwc(graph.tensors[t].shape)[0]) if t in self.rings else max(hi - lo for lo, hi in (r[p] for r in self.rows))
        )
        return rows, max(hi - lo for lo, hi in (c[p] for c in self.columns))

    def bytes(self, graph: Graph, t: int) -> int:
        h, w = self.held(graph, t)
        return h * w * graph.tensors[t].stored[2] * graph.tensors[t].dtype.bytes

    def pixels(self, p: int) -> int:
        """Pixels of its output that the p-th operator computes, over all tiles."""
        columns = sum(hi - lo for lo, hi in (c[p] for c in self.columns))
        rows = self.order.count(p) if self.tiling.mode == STRIPS else sum(hi - lo for lo, hi in (r[p] for r in self.rows))
        return rows * columns

    def lives(self) -> dict[int, Span]:
        """Patches: for each local tensor with a place of its own, the first and last event of a tile that needs the place."""
        out: dict[int, Span] = {}
        local = set(self.local)
        for p, n in enumerate(self.nodes):
            for t in (n.out, *(r.tensor for r in n.reads)):
                if t in local:
                    first, _ = out.get(self.top(t), (p, p))
                    out[self.top(t)] = first, p
        return out

    def meetings(self, graph: Graph) -> dict[tuple[int, int], int]:
        """Patches: (output, input) of a window, each by the tensor in whose place it is -> least bytes by which the input's place
        must begin above the output's, where the input dies there: as `gaps`, in every tile."""
        lives, out = self.lives(), {}
        at = {n.out: p for p, n in enumerate(self.nodes)}
        for p, n in enumerate(self.nodes):
            for r in n.reads:
                b, a = self.top(n.out), self.top(r.tensor)
                if r.window is None or r.exact or a not in lives or b not in lives or lives[b][0] != p or lives[a][1] != p:
                    continue
                height, size = hwc(graph.tensors[r.tensor].shape)[0], self.bytes(graph, b)
                row_a, row_b = (self.bytes(graph, t) // self.held(graph, t)[0] for t in (a, b))
                found = 0
                for rows in self.rows:
                    (y0, y1), (x0, _) = rows[p], rows[at[r.tensor]]
                    for y in range(y0, y1):
                        found = max(found, (y - y0 + 1) * row_b - (reads(r.window, 0, (y, y + 1), height)[0] - x0) * row_a)
                if found < size:
                    out[b, a] = found
        return out

    def events(self) -> Iterator[tuple[int, Span, Span]]:
        """(position in `nodes`, rows, columns) of everything that runs, in its order."""
        for rows in self.rows:
            for columns in self.columns:
                done = [0] * len(self.nodes)
                for p in self.order:
                    yield p, (done[p], done[p] + 1) if self.tiling.mode == STRIPS else rows[p], columns[p]
                    done[p] += 1


def tile_node(graph: Graph, k: int) -> TileNode | None:
    """Node k of graph.nodes, or None where it can not be asked for a rectangle."""
    node = graph.nodes[k]
    spec, view = load_ops()[node.op], graph.view(node)
    live = [(t, a) for t, a in zip(view.inputs, spec.access(view), strict=True) if t is not None and not t.is_const]
    if len(view.outputs) != 1 or not 1 <= len(live) <= MAX_INPUTS or len({t.id for t, _ in live}) != len(live) or spec.view(view):
        return None
    if any(len(t.shape) != 4 or t.shape[0] != 1 or max(t.shape) > MAX_EXTENT for t in (view.y, *(t for t, _ in live))):
        return None
    windows = any(isinstance(a, Window) for _, a in live)
    if not windows and any(t is not None and t.is_const and hwc(t.shape)[:2] != (1, 1) for t in view.inputs):
        return None  # a constant image: another part of it for each tile
    reads = []
    for t, a in live:
        if isinstance(a, Window) and spec.windowed and len(live) == 1 and max(*a.size, *a.stride, *map(abs, a.pad)) <= MAX_EXTENT:
            reads.append(TileRead(t.id, a))
        elif isinstance(a, Elementwise) and hwc(t.shape)[:2] == hwc(view.y.shape)[:2]:
            reads.append(TileRead(t.id, SAME_PLACE, t.shape == view.y.shape))
        elif isinstance(a, Broadcast):
            reads.append(TileRead(t.id, None))
        else:
            return None
    return TileNode(k, tuple(reads), view.y.id) if windows or _plain(view, live) else None


def _plain(view: NodeView, live: Sequence[tuple[Tensor, Access]]) -> bool:
    """The operator is one call whose params say which geometry is whose; window kernels promise that (tm/window.h)."""
    geoms = {t.id: Geom.dense(*t.stored) for t in (view.y, *(t for t, _ in live))}
    calls = load_ops()[view.node.op].lower(view, Lowering(geoms))
    return len(calls) == 1 and calls[0].geometries() is not None and all(a.offset == 0 for a in calls[0].args if isinstance(a, Ref))


def reads(w: Window, axis: int, span: Span, extent: int) -> Span:
    """What `span` of the output reads of an input of so many rows (axis 0) or columns (1)."""
    first = span[0] * w.stride[axis] - w.pad[axis]
    return max(first, 0), min((span[1] - 1) * w.stride[axis] - w.pad[axis] + w.size[axis], extent)


def make_tiles(
    graph: Graph, nodes: Sequence[TileNode], tiling: Tiling, outputs: Sequence[int], dying: Sequence[int], flow: Stream | None = None
) -> Tiles | None:
    """`nodes`, consecutive in graph.nodes, as tiles; None where that is not possible. outputs: its tensors that later nodes or
    the caller read; dying: its inputs that nothing reads afterwards. flow: of the same nodes by rows, where it is known."""
    made = {n.out for n in nodes}
    if len(nodes) > MAX_NODES or any(r.window is None and r.tensor in made for n in nodes for r in n.reads):
        return None
    columns = _spans(graph, nodes, outputs, 1, tiling.columns)
    rows = _spans(graph, nodes, outputs, 0, tiling.rows)
    if rows is None or columns is None:
        return None
    if tiling.mode == STRIPS:
        flow = flow or by_rows(graph, [row_node(graph, n.node) for n in nodes], outputs)
        if flow is None or tiling.rows != 1:
            return None
        every = (tuple((0, hwc(graph.tensors[n.out].shape)[0]) for n in nodes),)
        return Tiles(tiling, tuple(nodes), flow.order, every, columns, tuple(outputs), flow.rings, flow.shares, {})
    order = tuple(range(len(nodes)))
    found = Tiles(tiling, tuple(nodes), order, rows, columns, tuple(outputs), {}, _shares(graph, nodes, outputs), {})
    gaps = {(a, b): _gap(graph, found, a, b) for a in dying for b in outputs}
    return Tiles(tiling, tuple(nodes), order, rows, columns, tuple(outputs), {}, found.shares, gaps)


def by_rows(graph: Graph, nodes: Sequence[RowNode | None], outputs: Sequence[int]) -> Stream | None:
    """The nodes as a stream of rows, None where one of them can not be."""
    each = [n for n in nodes if n is not None and n.kind is Kind.ROWS]
    return stream(graph, each, outputs, ()) if len(each) == len(nodes) else None


def _spans(graph: Graph, nodes: Sequence[TileNode], outputs: Iterable[int], axis: int, parts: int) -> tuple[tuple[Span, ...], ...] | None:
    """For each part of the outputs along an axis, what each node computes of its own output."""
    out = []
    for i in range(parts):
        want: dict[int, Span] = {}
        for t in outputs:
            extent = hwc(graph.tensors[t].shape)[axis]
            want[t] = i * extent // parts, (i + 1) * extent // parts
        for n in reversed(nodes):
            mine = want.get(n.out, (0, 0))
            if mine[0] >= mine[1]:
                return None  # nothing for this part, or padding alone
            for r in n.reads:
                if r.window is not None:
                    lo, hi = reads(r.window, axis, mine, hwc(graph.tensors[r.tensor].shape)[axis])
                    if lo >= hi:
                        return None
                    known = want.get(r.tensor, (lo, hi))
                    want[r.tensor] = min(lo, known[0]), max(hi, known[1])
        out.append(tuple(want[n.out] for n in nodes))
    return tuple(out)


def _shares(graph: Graph, nodes: Sequence[TileNode], outputs: Sequence[int]) -> dict[int, int]:
    """Inner tensors with one reader, which works on them element by element: its output takes their place."""
    out: dict[int, int] = {}
    at = {n.out: k for k, n in enumerate(nodes)}
    for n in nodes:
        t_out: Tensor = graph.tensors[n.out]
        for r in sorted(n.reads, key=lambda r: -at.get(r.tensor, -1)):
            alone = r.tensor in at and r.tensor not in outputs and len(graph.consumers[r.tensor]) == 1
            if alone and r.exact and (t := graph.tensors[r.tensor]).stored == t_out.stored and t.dtype.bytes == t_out.dtype.bytes:
                out[r.tensor] = n.out
                break
    return out


def _gap(graph: Graph, tiles: Tiles, a: int, b: int) -> int:
    """Least bytes by which input a must lie above output b, so that no row of b is written over one of a that is read then or
    later: the maximum over all writes to b of (end of its last row) - (start of the first row of a still needed)."""
    (h, wa, ca), (hb, wb, cb) = graph.tensors[a].stored, graph.tensors[b].stored
    row_a, row_b = wa * ca * graph.tensors[a].dtype.bytes, wb * cb * graph.tensors[b].dtype.bytes
    gap, needed = 0, h  # the first row that is needed from here on
    for p, rows, _ in reversed(list(tiles.events())):
        n = tiles.nodes[p]
        for r in n.reads:
            if r.tensor == a:
                needed = min(needed, reads(r.window, 0, rows, h)[0] if r.window else 0)
        if needed < h and tiles.top(n.out) == b:
            gap = max(gap, rows[1] * row_b - needed * row_a)
    return min(gap, hb * row_b)
