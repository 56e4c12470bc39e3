"""The proof for fused stages: every event of the stage is replayed on the arena's tags, row by row.

What an event reads and writes is worked out here from the operators' access patterns alone; what the schedule says of it
must agree. Nothing is shared with the modules that planned the stage.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView, Tensor, hwc
from tinyml.opspec import Access, Broadcast, Elementwise, PartsOfOutput, Ref, Window, load_ops
from tinyml.plan.check_arena import SCRATCH, Arena, refuse
from tinyml.plan.model import Operand, RowStep, Stage

STATE, WINDOW, ACCUMULATOR = -3, -4, -16  # tags; the k-th window and accumulator have theirs minus k


def replay_stage(arena: Arena, stage: Stage, where: str) -> list[int]:
    """Replays the stage; returns the tensors it touched. Raises InternalError as `check` does."""
    graph = arena.plan.graph
    nodes = stage.nodes
    if nodes != tuple(range(nodes[0], nodes[0] + len(nodes))):
        refuse(where, "its stage does not run consecutive operators")
    if any(r.node < 0 for r in stage.rows[1:]):
        refuse(where, "only a stage's first rows can be pushed")
    ops = [(_Caller if r.node < 0 else _Op)(arena, r, ACCUMULATOR - k, where) for k, r in enumerate(stage.rows)]
    for op in ops:
        if op.row.node >= 0:
            arena.expected[op.out] = arena.fresh(op.out)
    state = _state(arena, stage, where)
    scratch = arena.scratch(stage, where)
    for p in stage.order:
        if not 0 <= p < len(ops):
            refuse(where, f"its order names operator {p} of {len(ops)}")
        ops[p].event(scratch)
        if not (state == STATE).all():
            refuse(where, "the stage's state between pushed rows is overwritten")
    for op in ops:
        op.finished()
    touched = [t for op in ops for t in (op.out, *(o.tensor for o in op.row.operands))]
    for t in dict.fromkeys(touched):
        last = graph.consumers.get(t, (-1,))[-1]
        if t in graph.outputs or last > nodes[-1]:
            arena.verify(t, where)
    return list(dict.fromkeys(touched))


def _state(arena: Arena, stage: Stage, where: str) -> np.ndarray:
    """The tags of the buffer that keeps the stage's place between two pushed rows; empty where none are pushed."""
    if stage.pushed is None:
        return arena.tags[:0]
    if stage.pushed not in arena.plan.graph.inputs or stage.state is None or not stage.order or stage.order[0] != 0:
        refuse(where, "is fed by rows that are no input's, has no state, or does not begin with a row")
    base, buffer = arena.buffer(stage.state)
    if buffer.size_bytes < 4 + 2 * len(stage.rows) or buffer.align % 4:
        refuse(where, f"has {buffer.size_bytes} bytes of state at a multiple of {buffer.align}")
    tags = arena.tags[base : base + buffer.size_bytes]
    tags[:] = STATE
    return tags


class _Caller:
    """Who pushes the network's input: each event is one row that arrives in its slot."""

    def __init__(self, arena: Arena, row: RowStep, tag: int, where: str):
        self.arena, self.row, self.where = arena, row, where
        self.out, self.done = row.operands[0].tensor, 0
        height = hwc(arena.plan.graph.tensors[self.out].shape)[0]
        if row.calls or row.operands != (Operand(self.out, "row"),) or row.events != height:
            refuse(where, "the pushed rows are not those of the input")

    def event(self, scratch: np.ndarray) -> None:
        if self.done >= self.row.events:
            refuse(self.where, "waits for more rows than the input has")
        rows = self.arena.rows(self.out)
        rows[self.done % len(rows)] = self.arena.expected[self.out][self.done][..., None]
        self.done += 1

    def finished(self) -> None:
        """Rows that nothing needs need not be waited for."""


class _Op:
    """One operator of the stage during its replay."""

    def __init__(self, arena: Arena, row: RowStep, tag: int, where: str):
        self.arena, self.row, self.tag = arena, row, tag
        node = arena.plan.graph.nodes[row.node]
        spec, self.view = load_ops()[node.op], arena.plan.graph.view(node)
        self.where = f"operator {node.index} {node.op} in the stage of {where}"
        self.out, self.done = self.view.y.id, 0
        self.live = [(t, a) for t, a in zip(self.view.inputs, spec.access(self.view), strict=True) if t is not None and not t.is_const]
        self.windows = self._windows()
        if self.windows:
            # seen from outside, a chain reads what its first operator reads, and is none of the simple patterns
            head = arena.plan.graph.view(arena.plan.graph.nodes[row.links[0].node])
            self.live = [(t, a) for t, a in zip(head.inputs, self._access(head), strict=True) if t is not None and not t.is_const]
        self.sums = spec.sums(self.view)
        self.by_row = not self.sums and hwc(self.view.y.shape)[0] > 1
        self.events = hwc(self.view.x.shape)[0] if self.sums else hwc(self.view.y.shape)[0] if self.by_row else 1
        expected = {o.tensor: o for o in (*(self._operand(t, a) for t, a in self.live), Operand(self.out, "row" if self.by_row else "whole"))}
        if row.events != self.events or {o.tensor: o for o in row.operands} != expected:
            refuse(self.where, "its row calls are not what the operator needs")
        self.accumulator = arena.working(row.accumulator, max((c.accumulator_bytes for c in row.calls), default=0), "accumulator", self.where)
        rule = spec.view(self.view)
        parts = [t.id for t, _ in self.live] if self.by_row and isinstance(rule, PartsOfOutput) else []
        self.parts = {t: rule.begins[k] for k, t in enumerate(parts)}  # type: ignore[union-attr]
        given = {a.tensor for c in row.calls for a in c.args if isinstance(a, Ref)}
        if any(self._lies_inside(t, e) == (t in given) for t in self.parts for e in range(self.events)):
            refuse(self.where, "copies a part that lies in the output already, or leaves out one that does not")

    def _access(self, view: NodeView) -> tuple[Access, ...]:
        return load_ops()[view.node.op].access(view)

    def _windows(self) -> list[np.ndarray]:
        """The tags of the chain's windows, which must be large enough for what the next operator reads of them."""
        graph, out = self.arena.plan.graph, []
        if self.row.links and (len(self.row.links) > 3 or self.row.pixels < 1 or len(self.row.calls) != len(self.row.links) + 1):
            refuse(self.where, "its chain is malformed")
        columns, nodes = min(self.row.pixels, hwc(self.view.y.shape)[1]), [*(k.node for k in self.row.links), self.row.node]
        self.steps = [self._window_of(k) for k in nodes] if self.row.links else []
        for k in range(len(self.row.links) - 1, -1, -1):
            link, view, window = self.row.links[k], graph.view(graph.nodes[nodes[k]]), self.steps[k + 1]
            following = graph.view(graph.nodes[nodes[k + 1]])
            if view.y.id in graph.outputs or graph.consumers.get(view.y.id) != (nodes[k + 1],) or following.x.id != view.y.id:
                refuse(self.where, f"tensor {view.y.id} is not read by the next operator of its chain alone")
            columns = min(hwc(view.y.shape)[1], (columns - 1) * window.stride[1] + window.size[1])
            rows = max(b - a for a, b in (self._composed(e, k + 1) for e in range(hwc(self.view.y.shape)[0])))
            if link.rows < rows or link.columns < columns or link.buffer is None:
                refuse(self.where, f"a window of {link.rows} x {link.columns} pixels is too small for {rows} x {columns}")
            base, buffer = self.arena.buffer(link.buffer)
            size = link.rows * link.columns * view.y.stored[2] * view.y.dtype.bytes
            if link.offset_bytes < 0 or link.offset_bytes % 4 or buffer.size_bytes < link.offset_bytes + size:
                refuse(self.where, f"a window of {link.rows} x {link.columns} pixels does not fit {buffer.size_bytes} bytes")
            out.append(self.arena.tags[base + link.offset_bytes : base + link.offset_bytes + size])
        return out

    def _window_of(self, k: int) -> Window:
        view = self.arena.plan.graph.view(self.arena.plan.graph.nodes[k])
        live = [a for t, a in zip(view.inputs, self._access(view), strict=True) if t is not None and not t.is_const]
        if len(live) != 1 or not isinstance(live[0], Window):
            refuse(self.where, "only windows with one input can run in a chain")
        return live[0]

    def _composed(self, event: int, upto: int) -> tuple[int, int]:
        """Rows of the input of the chain's operator `upto` that output row `event` of the last one needs."""
        graph, lo, hi = self.arena.plan.graph, event, event + 1
        nodes = [*(k.node for k in self.row.links), self.row.node]
        for k in range(len(nodes) - 1, upto - 1, -1):
            w, height = self.steps[k], hwc(graph.view(graph.nodes[nodes[k]]).x.shape)[0]
            lo, hi = max(lo * w.stride[0] - w.pad[0], 0), min((hi - 1) * w.stride[0] - w.pad[0] + w.size[0], height)
        return lo, hi

    def _operand(self, t: Tensor, a: Access) -> Operand:
        if self.row.links:
            return Operand(t.id, "chain")
        if self.sums:
            return Operand(t.id, "row")
        h = hwc(t.shape)[0]
        if not self.by_row or (isinstance(a, Broadcast) and h == 1):
            return Operand(t.id, "whole")
        if isinstance(a, Window):
            plain = a.stride[0] == 1 and a.size[0] == 1 and a.pad[0] == 0
            return Operand(t.id, "row") if plain else Operand(t.id, "window", a.stride[0], a.pad[0], a.size[0])
        if isinstance(a, (Elementwise, Broadcast)) and h == hwc(self.view.y.shape)[0]:
            return Operand(t.id, "row")
        refuse(self.where, f"can not run row by row on tensor {t.id}")

    def _rows(self, t: Tensor, a: Access, event: int) -> tuple[int, int]:
        if self.row.links:
            return self._composed(event, 0)
        o, h = self._operand(t, a), hwc(t.shape)[0]
        if o.mode == "whole":
            return 0, h
        if o.mode == "row":
            return event, event + 1
        first = event * o.stride - o.pad
        return max(first, 0), min(first + o.size, h)

    def event(self, scratch: np.ndarray) -> None:
        e, arena = self.done, self.arena
        if e >= self.events:
            refuse(self.where, f"runs more than {self.events} times")
        self.done += 1
        if e == 0:
            self.accumulator[:] = self.tag
        scratch[:] = SCRATCH
        for k, w in enumerate(self.windows):
            w[:] = WINDOW - k
        reads = [(t.id, *self._rows(t, a, e)) for t, a in self.live]
        for t, lo, hi in reads:
            if lo >= hi:
                refuse(self.where, f"row {e} reads nothing of tensor {t}")
            arena.verify(t, self.where, lo, hi)
        self._holds(scratch)
        last = e == self.events - 1
        if not self.by_row and not last:
            return
        rows = arena.rows(self.out)
        if self.by_row:
            rows[e % len(rows)] = arena.expected[self.out][e][..., None]
        else:
            rows[:] = arena.expected[self.out][..., None]
        # the kernel may still read, or use its scratch, after its first write
        for (t, lo, hi), (_, a) in zip(reads, self.live, strict=True):
            in_place = self._lies_inside(t, e) or (isinstance(a, Elementwise) and self.by_row and self._trails(t, e))
            if not in_place:
                arena.verify(t, self.where, lo, hi)
        if not last:
            self._holds(scratch)
        elif not self._own(scratch):
            refuse(self.where, "its output overlaps the scratch")

    def _own(self, scratch: np.ndarray) -> bool:
        return bool((scratch == SCRATCH).all()) and all((w == WINDOW - k).all() for k, w in enumerate(self.windows))

    def _holds(self, scratch: np.ndarray) -> None:
        if not self._own(scratch) or not (self.accumulator == self.tag).all():
            refuse(self.where, f"its scratch or accumulator is overwritten before row {self.done}")

    def _trails(self, t: int, row: int) -> bool:
        """Each element of the output's row lies where its own input element or an earlier one lies."""
        arena, graph = self.arena, self.arena.plan.graph
        a, b = graph.tensors[t], graph.tensors[self.out]
        ga, gb = arena.layout(t).geom, arena.layout(self.out).geom
        if a.stored != b.stored or a.dtype.bytes != b.dtype.bytes or (ga.px_stride != gb.px_stride and ga.w > 1):
            return False
        size = a.dtype.bytes
        start = [arena.span(x)[0] + (row % arena.slots(x)) * g.row_stride * size for x, g in ((t, ga), (self.out, gb))]
        return start[1] <= start[0]

    def _lies_inside(self, t: int, row: int) -> bool:
        """Each element of this row of a part lies where the output has it."""
        if t not in self.parts or any(self.parts[t][:-1]):
            return False
        arena, size = self.arena, self.arena.plan.graph.tensors[t].dtype.bytes
        g, out = arena.layout(t).geom, arena.layout(self.out).geom
        start = [arena.span(x)[0] + (row % arena.slots(x)) * at.row_stride * size for x, at in ((t, g), (self.out, out))]
        same_pixels = g.w == out.w and (g.px_stride == out.px_stride or g.w == 1)
        return same_pixels and start[0] == start[1] + self.parts[t][-1] * size

    def finished(self) -> None:
        if not self.by_row and self.done != self.events:
            refuse(self.where, f"runs {self.done} times instead of {self.events}")

