"""The independent proof that no live byte is overwritten. Shares no code with storage, schedule or place.

The schedule is replayed on a model of the arena in which every byte holds a tag: which row of which tensor wrote it
last. A step may only read bytes that still hold the tag of what it means to read. Where a step's output may touch its
input, the replay goes row by row in the order the kernels' contract promises; an operator without such a promise must
find its inputs whole after its last write.
"""

from __future__ import annotations

import numpy as np

from tinyml.errors import InternalError
from tinyml.ir import Graph, NodeView, hwc
from tinyml.opspec import (
    Elementwise, Geom, PartsOfInput, PartsOfOutput, Reshaped, RowMap, Window, load_ops,
)  # fmt: skip
from tinyml.plan.model import Plan

FREE = -1


class _Arena:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.tags = np.full(plan.arena_bytes, FREE, np.int32)
        self.expected: dict[int, np.ndarray] = {}  # tensor id -> [h,w,c] tags its bytes must hold
        self.next_tag = 0

    def rows(self, t: int) -> np.ndarray:
        """[h,w,c,bytes] window onto the tags of a tensor's bytes; refuses addresses outside the arena."""
        at = self.plan.schedule.layouts[t]
        g, size = at.geom, self.plan.graph.tensors[t].dtype.bytes
        base = self.plan.offsets[at.buffer] + at.offset_bytes
        last = base + ((g.h - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * size
        if base < 0 or last > len(self.tags) or base % size:
            raise InternalError(f"tensor {t}", f"bytes {base}..{last} outside the arena of {len(self.tags)} or misaligned", stage="check")
        strides = (g.row_stride * size, g.px_stride * size, size, 1)
        return np.lib.stride_tricks.as_strided(
            self.tags[base:], (g.h, g.w, g.c, size), tuple(s * self.tags.itemsize for s in strides)
        )

    def fresh(self, t: int) -> np.ndarray:
        """New tags for a tensor about to be written: one per row, never used before."""
        h, w, c = hwc(self.plan.graph.tensors[t].shape)
        tags = np.arange(self.next_tag, self.next_tag + h, dtype=np.int32)
        self.next_tag += h
        return np.broadcast_to(tags[:, None, None], (h, w, c))

    def write(self, t: int) -> None:
        self.rows(t)[:] = self.expected[t][..., None]

    def verify(self, t: int, what: str, lo: int = 0, hi: int | None = None) -> None:
        found, wanted = self.rows(t)[lo:hi], self.expected[t][lo:hi]
        if not (found == wanted[..., None]).all():
            row = lo + int(np.argwhere((found != wanted[..., None]).any((1, 2, 3)))[0][0])
            raise InternalError(what, f"tensor {t}, row {row} is no longer in the arena when it is read", stage="check")

    def span(self, t: int) -> tuple[int, int]:
        at = self.plan.schedule.layouts[t]
        g, size = at.geom, self.plan.graph.tensors[t].dtype.bytes
        base = self.plan.offsets[at.buffer] + at.offset_bytes
        return base, base + ((g.h - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * size


def check(plan: Plan) -> None:
    """Raises InternalError, naming the step, if any read finds bytes that are not its own. Else returns."""
    graph, specs = plan.graph, load_ops()
    arena = _Arena(plan)
    for t in graph.inputs:
        arena.expected[t] = arena.fresh(t)
        arena.write(t)
    step_of = {s.node: k for k, s in enumerate(plan.schedule.steps)}
    if list(step_of) != sorted(step_of):
        raise InternalError("schedule", "steps are not in node order", stage="check")
    for k, node in enumerate(graph.nodes):
        view = graph.view(node)
        where = f"operator {node.index} {node.op}"
        inputs = [t.id for t in view.inputs if t is not None and not t.is_const]
        rule = specs[node.op].view(view)
        if k not in step_of:
            _view(arena, view, rule, inputs, where)
            continue
        step = plan.schedule.steps[step_of[k]]
        if step.scratch is not None:
            _scratch(arena, step.scratch)
        if isinstance(rule, PartsOfOutput) and _lies_in(arena, inputs, view.y.id):
            _fill_rest(arena, view, rule, inputs, where)
        else:
            _execute(arena, view, specs[node.op].access(view), where)
        if step.scratch is not None:
            _scratch_kept(arena, step.scratch, where)
    for t in graph.outputs:
        arena.verify(t, "the end of the inference")


def _scratch(arena: _Arena, buffer: int) -> None:
    base, size = arena.plan.offsets[buffer], _size(arena, buffer)
    if base + size > len(arena.tags):
        raise InternalError(f"buffer {buffer}", "scratch outside the arena", stage="check")
    arena.tags[base : base + size] = -2 - buffer


def _scratch_kept(arena: _Arena, buffer: int, where: str) -> None:
    base, size = arena.plan.offsets[buffer], _size(arena, buffer)
    if not (arena.tags[base : base + size] == -2 - buffer).all():
        raise InternalError(where, "an output overlaps the step's own scratch", stage="check")


def _size(arena: _Arena, buffer: int) -> int:
    return next(b.size_bytes for b in arena.plan.schedule.buffers if b.id == buffer)


def _execute(arena: _Arena, view: NodeView, accesses: tuple, where: str) -> None:
    outs = [t.id for t in view.outputs]
    reads = [(t, a) for t, a in zip(view.inputs, accesses, strict=True) if t is not None and not t.is_const]
    for t in outs:
        arena.expected[t] = arena.fresh(t)
    for t, _ in reads:
        arena.verify(t.id, where)
    spans = [arena.span(o) for o in outs]
    touching = [(t, a) for t, a in reads if any(lo < arena.span(t.id)[1] and arena.span(t.id)[0] < hi for lo, hi in spans)]
    if len(outs) == 1 and touching:
        _replay_rows(arena, view, touching, where)
    else:
        for o in outs:
            arena.write(o)
        for t, _ in touching:
            arena.verify(t.id, where)
    for o in outs:  # two outputs of one operator must not share bytes either
        arena.verify(o, where)


def _replay_rows(arena: _Arena, view: NodeView, reads: list, where: str) -> None:
    """Output row by output row, as tm/window.h orders them; element-wise operands may be overwritten as they are read."""
    out = view.y.id
    rows, tags = arena.rows(out), arena.expected[out]
    whole = []
    for t, a in reads:
        if isinstance(a, Elementwise):
            if not _trails(arena, out, t.id):
                whole.append(t.id)
        elif not isinstance(a, (Window, RowMap)):
            whole.append(t.id)
    for y in range(rows.shape[0]):
        for t, a in reads:
            if t.id in whole:
                continue
            lo, hi = _rows_read(a, y, hwc(t.shape)[0])
            arena.verify(t.id, where, lo, hi)
        rows[y] = tags[y][..., None]
    for t_id in whole:
        arena.verify(t_id, where)


def _trails(arena: _Arena, out: int, src: int) -> bool:
    """Element i of `out` ends no later than element i+1 of `src` begins: safe for any element-wise kernel."""
    g, size = arena.plan.graph, lambda t: arena.plan.graph.tensors[t].dtype.bytes
    if hwc(g.tensors[out].shape) != hwc(g.tensors[src].shape):
        return False
    ends = _addresses(arena, out).reshape(-1) + size(out)
    begins = _addresses(arena, src).reshape(-1)
    return bool((ends[:-1] <= begins[1:]).all())


def _addresses(arena: _Arena, t: int) -> np.ndarray:
    g: Geom = arena.plan.schedule.layouts[t].geom
    size = arena.plan.graph.tensors[t].dtype.bytes
    y, x, c = np.ogrid[: g.h, : g.w, : g.c]
    return arena.span(t)[0] + (y * g.row_stride + x * g.px_stride + c) * size


def _rows_read(a: object, y: int, height: int) -> tuple[int, int]:
    if isinstance(a, Window):
        lo = y * a.stride[0] - a.pad[0]
        return max(lo, 0), max(min(lo + a.size[0], height), 0)
    if isinstance(a, RowMap):
        return a.rows[y]
    assert isinstance(a, Elementwise)
    return y, y + 1


def _view(arena: _Arena, view: NodeView, rule: object, inputs: list[int], where: str) -> None:
    """A node without a step: its outputs must be exactly the bytes that its inputs already are."""
    if isinstance(rule, Reshaped):
        arena.expected[view.y.id] = arena.expected[inputs[0]].reshape(hwc(view.y.shape))
    elif isinstance(rule, PartsOfInput):
        source = arena.expected[inputs[0]].reshape(view.x.shape)
        for t, begin in zip(view.outputs, rule.begins, strict=True):
            part = source[tuple(slice(b, b + n) for b, n in zip(begin, t.shape, strict=True))]
            arena.expected[t.id] = part.reshape(hwc(t.shape))
    elif isinstance(rule, PartsOfOutput):
        _fill_rest(arena, view, rule, inputs, where)
        return
    else:
        raise InternalError(where, "has no step and is not a view", stage="check")
    for t in view.outputs:
        arena.verify(t.id, where)


def _fill_rest(arena: _Arena, view: NodeView, rule: PartsOfOutput, inputs: list[int], where: str) -> None:
    """Parts that were written in place keep their tags; everything else of the output is written now."""
    out = view.y
    tags = np.array(arena.fresh(out.id)).reshape(out.shape)
    old = np.full(out.shape, False)
    for t, begin in zip(inputs, rule.begins, strict=False):
        shape = arena.plan.graph.tensors[t].shape
        part = tuple(slice(b, b + n) for b, n in zip(begin, shape, strict=True))
        tags[part] = arena.expected[t].reshape(shape)
        old[part] = True
    shape = hwc(out.shape)
    arena.expected[out.id] = tags.reshape(shape)
    window, keep = arena.rows(out.id), old.reshape(shape)
    window[:] = np.where(keep[..., None], window, arena.expected[out.id][..., None])
    arena.verify(out.id, where)


def _lies_in(arena: _Arena, inputs: list[int], out: int) -> bool:
    layouts = arena.plan.schedule.layouts
    return bool(inputs) and all(layouts[t].buffer == layouts[out].buffer for t in inputs)
