"""What each operator reads and writes when it runs row by row, inside a fused stage.

The unit is an *event*: one call that writes one output row (ROWS), the whole output (ONCE), or adds one input row to an
accumulator and writes the output with the last one (SUM). Everything the planner knows of streaming is computed from this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tinyml.ir import Graph, NodeView, Tensor, hwc
from tinyml.opspec import Access, Broadcast, Elementwise, Window, load_ops


class Kind(Enum):
    ROWS = "rows"
    ONCE = "once"
    SUM = "sum"


class Mode(Enum):
    """How an event sees an operand."""

    WINDOW = "window"  # rows lo..hi-1 around it, borders padded
    ROW = "row"  # the row of the event's number
    WHOLE = "whole"  # all of it


@dataclass(frozen=True)
class RowRead:
    """Event e reads rows lo[e]..hi[e]-1 of `tensor`; first[e] counts the padding above as rows of negative number.
    exact: element-wise, each element is read before the output element at its place is written."""

    tensor: int
    mode: Mode
    first: tuple[int, ...]
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    exact: bool = False


@dataclass(frozen=True)
class RowNode:
    """A node as a stage runs it: `events` calls; ROWS: event e writes row e of `out`; else the last one writes all."""

    node: int
    kind: Kind
    events: int
    reads: tuple[RowRead, ...]
    out: int

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
    if len(view.outputs) != 1 or not live or spec.view(view) is not None or len({t.id for t, _ in live}) != len(live):
        return None
    if spec.sums(view):
        return _sum(k, view)
    if hwc(view.y.shape)[0] == 1:
        return RowNode(k, Kind.ONCE, 1, tuple(_whole(t, 1) for t, _ in live), view.y.id)
    reads = [_read(view, t, a) for t, a in live]
    if None in reads or not _is_image(view.y) or not _constants_stay(view, [a for _, a in live]):
        return None
    return RowNode(k, Kind.ROWS, hwc(view.y.shape)[0], tuple(r for r in reads if r), view.y.id)


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
        return RowRead(t.id, Mode.ROW if plain else Mode.WINDOW, first, lo, hi)
    if isinstance(a, Elementwise) and (h, w) == (rows, width):
        return RowRead(t.id, Mode.ROW, each, each, tuple(y + 1 for y in each), exact=t.shape == view.y.shape)
    if isinstance(a, Broadcast) and h == 1:
        return _whole(t, rows)
    if isinstance(a, Broadcast) and h == rows:
        return RowRead(t.id, Mode.ROW, each, each, tuple(y + 1 for y in each))
    return None
