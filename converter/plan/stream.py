"""A fused stage as a stream of rows: in which order its operators run, which rows must be kept, what may be overwritten.

Rows are pulled: before an operator makes its next row, each of its producers is run as far as that row needs, no further.
So an inner tensor never holds more than its consumers still need, and nothing is computed twice. The method is the
row-streaming of line-buffer pipelines; ring depths are counted on the order itself, so that branches that rejoin
(residual blocks) come out right.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tinyml.ir import Graph, hwc
from tinyml.opspec import load_ops
from tinyml.plan.rows import Kind, RowNode


@dataclass(frozen=True)
class Stream:
    """order: for each event the position in `nodes` of the operator that runs; its events are numbered from 0 on.
    rings: inner tensor -> rows it keeps. shares: inner tensor -> tensor whose row it is written into, completed there
    in place; begins: from which channel on, where that tensor has more of them.
    gaps: (input, output) -> least bytes between the two starts; only inputs that nothing reads after the stage."""

    nodes: tuple[RowNode, ...]
    order: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    rings: dict[int, int]
    shares: dict[int, int]
    gaps: dict[tuple[int, int], int]
    begins: dict[int, int] = field(default_factory=dict)

    @property
    def inner(self) -> tuple[int, ...]:
        """Tensors that never exist as a whole."""
        return (*self.rings, *self.shares, *(p.out for n in self.nodes for p in n.before))


class _Run:
    """The pull order of the nodes, and when each row is written and read last."""

    def __init__(self, graph: Graph, nodes: Sequence[RowNode]):
        self.nodes = nodes
        self.by_out = {n.out: p for p, n in enumerate(nodes)}
        self.next = [0] * len(nodes)
        self.order: list[int] = []
        self.number: list[int] = []  # of each event, within its node
        self.born: dict[int, list[int]] = {n.out: [] for n in nodes}  # rows are written in ascending order
        ids = {*self.born, *(r.tensor for n in nodes for r in n.reads)}
        self.last = {t: [-1] * hwc(graph.tensors[t].shape)[0] for t in ids}
        # pulled last, so that its row is fresh when its consumer overwrites it
        self.reads = [sorted(n.reads, key=lambda r: (r.exact or r.begin is not None) and r.tensor in self.by_out) for n in nodes]

    def rows(self, t: int, upto: int) -> None:
        p = self.by_out.get(t)
        if p is None:
            return
        whole = self.nodes[p].kind is not Kind.ROWS
        while (self.next[p] < self.nodes[p].events) if whole else (self.next[p] < upto):
            self.event(p)

    def event(self, p: int) -> None:
        e = self.next[p]
        for r in self.reads[p]:
            self.rows(r.tensor, r.hi[e])
        now = len(self.order)
        for r in self.reads[p]:
            last = self.last[r.tensor]
            for row in range(r.lo[e], r.hi[e]):
                last[row] = now
        self.order.append(p)
        self.number.append(e)
        self.next[p] = e + 1
        if self.nodes[p].written(e) is not None:
            self.born[self.nodes[p].out].append(now)


def stream(graph: Graph, nodes: Sequence[RowNode], outputs: Sequence[int], dying: Sequence[int]) -> Stream:
    """The stage that runs `nodes` (consecutive in graph.nodes). outputs: its tensors that later nodes or the caller read;
    dying: its inputs that nothing reads afterwards."""
    run = _Run(graph, nodes)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 4 * len(nodes) + 500))
    try:
        for n in reversed(nodes):
            if n.out in outputs or n is nodes[-1]:
                run.rows(n.out, hwc(graph.tensors[n.out].shape)[0])
    finally:
        sys.setrecursionlimit(limit)
    inner = [n.out for n in nodes if n.out not in outputs]
    shares = _shares(graph, nodes, set(inner))
    born = dict(run.born)
    for t in inner:  # a shared row exists from its first write on
        if t in shares:
            top = shares[t]
            while top in shares:
                top = shares[top]
            born[top] = [min(a, b) for a, b in zip(born[top], run.born[t], strict=True)]
    rings = {t: _depth(born[t], run.last[t]) for t in inner if t not in shares}
    gaps = {
        (a, b): _gap(graph, run, a, b, born[b]) for a in dying for b in outputs
    }  # fmt: skip
    inputs = tuple(dict.fromkeys(r.tensor for n in nodes for r in n.reads if r.tensor not in run.by_out))
    begins = {r.tensor: r.begin for n in nodes for r in n.reads if r.begin is not None and r.tensor in shares}
    return Stream(tuple(nodes), tuple(run.order), inputs, tuple(outputs), rings, shares, gaps, begins)


def _shares(graph: Graph, nodes: Sequence[RowNode], inner: set[int]) -> dict[int, int]:
    """Inner tensors with one reader, which works on them element by element: its output takes their place, row by row. Or
    which joins them to others: they lie in its output (but for one, so that something is left to do)."""
    out: dict[int, int] = {}
    by_out = {n.out: n for n in nodes}
    for n in nodes:
        if n.kind is not Kind.ROWS:
            continue
        for r in sorted(n.reads, key=lambda r: -by_out[r.tensor].node if r.tensor in by_out else 0):
            t = graph.tensors[r.tensor]
            alone = r.tensor in inner and len(graph.consumers[r.tensor]) == 1 and by_out[r.tensor].kind is Kind.ROWS
            if alone and r.exact and t.stored == graph.tensors[n.out].stored and t.dtype.bytes == graph.tensors[n.out].dtype.bytes:
                out[r.tensor] = n.out
                break
            joined = sum(out.get(other.tensor) == n.out for other in n.reads)
            if alone and r.begin is not None and joined < len(n.reads) - 1 and _strided(graph, by_out[r.tensor].node):
                out[r.tensor] = n.out
    return out


def _strided(graph: Graph, node: int) -> bool:
    return node >= 0 and load_ops()[graph.nodes[node].op].strided


def _depth(born: list[int], last: list[int]) -> int:
    """Most rows alive at once, each from its first write to its last read; rows leave in the order in which they came."""
    depth, oldest = 0, 0
    for row, now in enumerate(born):
        while oldest < row and last[oldest] < now:
            oldest += 1
        depth = max(depth, row - oldest + 1)
    return depth


def _gap(graph: Graph, run: _Run, a: int, b: int, born: list[int]) -> int:
    """Least bytes by which input a must lie above output b, so that no row of b is written over one of a that is read
    then or later: the maximum over rows y of b of (end of row y) - (start of the first row of a still needed)."""
    (h, wa, ca), (_, wb, cb) = graph.tensors[a].stored, graph.tensors[b].stored
    row_a, row_b = wa * ca * graph.tensors[a].dtype.bytes, wb * cb * graph.tensors[b].dtype.bytes
    last, gap, first = run.last[a], 0, 0
    for y, now in enumerate(born):
        while first < h and last[first] < now:
            first += 1
        if first == h:
            break
        if last[first] == now and row_a == row_b and _trails(run, now, a, first):
            gap = max(gap, (y - first) * row_b)
            later = next((r for r in range(first + 1, h) if last[r] >= now), h)
            if later < h:
                gap = max(gap, (y + 1) * row_b - later * row_a)
        else:
            gap = max(gap, (y + 1) * row_b - first * row_a)
    return min(gap, row_b * len(born))


def _trails(run: _Run, now: int, a: int, row: int) -> bool:
    """The operator of event `now` reads this row of `a`, alone and element by element."""
    node = run.nodes[run.order[now]]
    reads = [r for r in node.reads if r.tensor == a]
    return len(reads) == 1 and reads[0].exact and reads[0].lo[run.number[now]] == row
