"""What each operator reads and writes when it runs row by row, inside a fused stage.

The unit is an *event*: one call that writes one output row (ROWS), the whole output (ONCE), or adds one input row to an
accumulator and writes the output with the last one (SUM). Everything the planner knows of streaming is computed from this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tinyml.ir import Graph, NodeView, Tensor, hwc
from tinyml.opspec import Access, Broadcast, Elementwise, PartsOfOutput, Window, load_ops

MAX_LINKS = 4  # operators of a chain: TM_CHAIN_LINKS of tm/chain.h
PUSHED = -1  # node of a RowNode: the caller, who hands over the network's input row by row


class Kind(Enum):
    ROWS = "rows"
    ONCE = "once"
    SUM = "sum"


class Mode(Enum):
    """How an event sees an operand."""

    WINDOW = "window"  # rows lo..hi-1 around it, borders padded
    ROW = "row"  # the row of the event's number
    WHOLE = "whole"  # all of it
    CHAIN = "chain"  # rows lo..hi-1, as the windows of a chain add up


@dataclass(frozen=True)
class RowRead:
    """Event e reads rows lo[e]..hi[e]-1 of `tensor`; first[e] counts the padding above as rows of negative number.
    exact: element-wise, each element is read before the output element at its place is written. begin: it may lie in the
    output, from this channel on."""

    tensor: int
    mode: Mode
    first: tuple[int, ...]
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    exact: bool = False
    window: Window | None = None
    begin: int | None = None


@dataclass(frozen=True)
class RowNode:
    """A node as a stage runs it: `events` calls; ROWS: event e writes row e of `out`; else the last one writes all.
    before: the nodes in front of it that run with it, block by block, their results never stored as rows (`chain`);
    alone: the node itself, with its own reads, where `before` is not empty."""

    node: int
    kind: Kind
    events: int
    reads: tuple[RowRead, ...]
    out: int
    before: tuple[RowNode, ...] = ()
    alone: RowNode | None = None
    pixels: int = 0  # of its output that a chain computes at a time

    @property
    def nodes(self) -> tuple[int, ...]:
        return (*(n.node for n in self.before), self.node)

    def written(self, event: int) -> int | None:
        """The output row that is complete after this event, None while it only accumulates."""
        if self.kind is Kind.ROWS:
            return event
        return 0 if event == self.events - 1 else None


def row_node(graph: Graph, k: int) -> RowNode | None:
    """Node k of graph.nodes as rows, or None where it can only run as a whole."""
    node = graph.nodes[k]
    spec, view = load_ops()[node.op], graph.view(node)
    live = [(t, a) for t, a in zip(view.inputs, spec.access(view), strict=True) if t is not None and not t.is_const]
    rule = spec.view(view)
    parts = rule.begins if isinstance(rule, PartsOfOutput) and not rule.whole else ()
    if len(view.outputs) != 1 or not live or (rule is not None and not parts) or len({t.id for t, _ in live}) != len(live):
        return None
    if spec.sums(view):
        return _sum(k, view)
    if hwc(view.y.shape)[0] == 1:
        return RowNode(k, Kind.ONCE, 1, tuple(_whole(t, 1) for t, _ in live), view.y.id)
    reads = [_read(view, t, a) for t, a in live]
    if None in reads or not _is_image(view.y) or not _constants_stay(view, [a for _, a in live]):
        return None
    places = [b[-1] for b in parts] or [None] * len(reads)
    rows = tuple(replace(r, begin=b) for r, b in zip(reads, places, strict=True) if r)
    return RowNode(k, Kind.ROWS, hwc(view.y.shape)[0], rows, view.y.id)


def chain(graph: Graph, parts: Sequence[RowNode], pixels: int) -> RowNode | None:
    """Consecutive windows as one operator: for each block of `pixels` of its output, the first computes what the second needs of
    it, and so on. Rows that two output rows share are computed twice. None where the nodes are not of that kind."""
    if len(parts) > MAX_LINKS or any(len(n.reads) != 1 or n.reads[0].window is None or n.before for n in parts):
        return None
    sizes = {graph.tensors[t].dtype for n in parts for t in (n.out, n.reads[0].tensor)}
    for n, reader in zip(parts, parts[1:], strict=False):
        inner = reader.reads[0].tensor == n.out and n.out not in graph.outputs and graph.consumers[n.out] == (reader.node,)
        if not inner or n.kind is not Kind.ROWS:
            return None
    if parts[-1].kind is not Kind.ROWS or len(sizes) != 1 or any(s.packed for s in sizes):
        return None
    rows = rows_needed(parts)[0]
    lo, hi = tuple(r[0] for r in rows), tuple(r[1] for r in rows)
    read = RowRead(parts[0].reads[0].tensor, Mode.CHAIN, lo, lo, hi)
    last = parts[-1]
    return RowNode(last.node, last.kind, last.events, (read,), last.out, tuple(parts[:-1]), last, min(pixels, hwc(graph.tensors[last.out].shape)[1]))


def row_of(n: RowNode) -> RowNode:
    """The last operator of a chain by itself; any other node as it is."""
    return n.alone or n


def rows_needed(parts: Sequence[RowNode]) -> list[list[tuple[int, int]]]:
    """For each part, per row of the last one's output: rows first..end-1 of the part's input."""
    out: list[list[tuple[int, int]]] = []
    wanted = [(e, e + 1) for e in range(parts[-1].events)]
    for n in reversed(parts):
        r = n.reads[0]
        wanted = [(r.lo[a], r.hi[b - 1]) for a, b in wanted]
        out.insert(0, wanted)
    return out


def pushed_input(graph: Graph) -> RowNode | None:
    """The caller who pushes the rows of the network's only input; None where that is no image of several rows."""
    if len(graph.inputs) != 1 or graph.inputs[0] in graph.outputs:
        return None
    t = graph.tensors[graph.inputs[0]]
    h = hwc(t.shape)[0]
    return RowNode(PUSHED, Kind.ROWS, h, (), t.id) if _is_image(t) and h > 1 and t.id in graph.consumers else None


def _is_image(t: Tensor) -> bool:
    return len(t.shape) == 4 and t.shape[0] == 1


def _constants_stay(view: NodeView, accesses: list[Access]) -> bool:
    """No constant operand changes from row to row: weights do not, the image of an element-wise operation does."""
    if any(isinstance(a, Window) for a in accesses):
        return True
    return all(t is None or not t.is_const or hwc(t.shape)[0] == 1 for t in view.inputs)


def _sum(k: int, view: NodeView) -> RowNode:
    h = hwc(view.x.shape)[0]
    each = tuple(range(h))
    return RowNode(k, Kind.SUM, h, (RowRead(view.x.id, Mode.ROW, each, each, tuple(e + 1 for e in each)),), view.y.id)


def _whole(t: Tensor, events: int) -> RowRead:
    h = hwc(t.shape)[0]
    return RowRead(t.id, Mode.WHOLE, (0,) * events, (0,) * events, (h,) * events)


def _read(view: NodeView, t: Tensor, a: Access) -> RowRead | None:
    (rows, width, _), (h, w, _) = hwc(view.y.shape), hwc(t.shape)
    each = tuple(range(rows))
    if not _is_image(t):
        return None
    if isinstance(a, Window):
        first = tuple(y * a.stride[0] - a.pad[0] for y in each)
        lo, hi = tuple(max(f, 0) for f in first), tuple(min(f + a.size[0], h) for f in first)
        if any(b <= a for a, b in zip(lo, hi, strict=True)):
            return None  # a row made of padding alone
        plain = a.stride[0] == 1 and a.size[0] == 1 and a.pad[0] == 0
        if not load_ops()[view.node.op].windowed:
            return RowRead(t.id, Mode.ROW, first, lo, hi) if plain else None
        return RowRead(t.id, Mode.ROW if plain else Mode.WINDOW, first, lo, hi, window=a)
    if isinstance(a, Elementwise) and (h, w) == (rows, width):
        return RowRead(t.id, Mode.ROW, each, each, tuple(y + 1 for y in each), exact=t.shape == view.y.shape)
    if isinstance(a, Broadcast) and h == 1:
        return _whole(t, rows)
    if isinstance(a, Broadcast) and h == rows:
        return RowRead(t.id, Mode.ROW, each, each, tuple(y + 1 for y in each))
    return None
