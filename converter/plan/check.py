"""The independent proof that no live byte is overwritten. Shares no code with storage, schedule or place.

The schedule is replayed on a model of the arena in which every byte holds a tag: which element of which tensor wrote it
last. A step may only read bytes that still hold the tags of what it means to read. Where a step's output may touch its
input, the replay goes row by row in the order the kernels' contract promises (tm/window.h, tm/elementwise.h); an operator
without such a promise must find its inputs whole after its last write.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from tinyml.errors import InternalError
from tinyml.ir import NodeView, hwc
from tinyml.opspec import (
    Elementwise,
    Geom,
    PartsOfInput,
    PartsOfOutput,
    Ref,
    Reshaped,
    RowMap,
    ViewRule,
    Window,
    load_ops,
)  # fmt: skip
from tinyml.plan.model import ArenaBuffer, Layout, Plan, Step

FREE = -1


def _refuse(place: str, what: str) -> NoReturn:
    raise InternalError(place, what, stage="check")


class _Arena:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.tags = np.full(plan.arena_bytes, FREE, np.int32)
        self.expected: dict[int, np.ndarray] = {}  # tensor id -> [h,w,c] tags its bytes must hold
        self.buffers = {b.id: b for b in plan.schedule.buffers}
        self.next_tag = 0

    def buffer(self, b: int) -> tuple[int, ArenaBuffer]:
        """(offset in the arena, buffer); refuses one that is not wholly inside the arena, or misaligned."""
        buffer, base = self.buffers.get(b), self.plan.offsets.get(b)
        if buffer is None or base is None:
            _refuse(f"buffer {b}", "does not exist or has no offset")
        if base < 0 or base % buffer.align or base + buffer.size_bytes > len(self.tags):
            _refuse(f"buffer {b}", f"{buffer.size_bytes} bytes at {base} are outside the arena of {len(self.tags)} or misaligned")
        return base, buffer

    def layout(self, t: int) -> Layout:
        at = self.plan.schedule.layouts.get(t)
        if at is None:
            _refuse(f"tensor {t}", "has no place in the arena")
        return at

    def span(self, t: int) -> tuple[int, int]:
        """First byte of a tensor and the one behind its last, gaps between rows and pixels included."""
        at = self.layout(t)
        g, size = at.geom, self.plan.graph.tensors[t].dtype.bytes
        base = self.buffer(at.buffer)[0] + at.offset_bytes
        return base, base + ((g.h - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * size

    def rows(self, t: int) -> np.ndarray:
        """[h,w,c,bytes] window onto the tags of a tensor's bytes; refuses places outside the tensor's buffer, and geometries
        that are not the tensor's or put two of its elements on one byte."""
        at, tensor = self.layout(t), self.plan.graph.tensors[t]
        g, size = at.geom, tensor.dtype.bytes
        if (g.h, g.w, g.c) != hwc(tensor.shape):
            _refuse(f"tensor {t}", f"is laid out as {(g.h, g.w, g.c)}, its shape is {tensor.shape}")
        if (g.w > 1 and g.px_stride < g.c) or (g.h > 1 and g.row_stride < (g.w - 1) * g.px_stride + g.c):
            _refuse(f"tensor {t}", f"row stride {g.row_stride} and pixel stride {g.px_stride} make its elements overlap")
        start, buffer = self.buffer(at.buffer)
        base, end = self.span(t)
        if base < start or end > start + buffer.size_bytes or base % size:
            _refuse(f"tensor {t}", f"bytes {base}..{end} are outside its buffer or misaligned")
        strides = (g.row_stride * size, g.px_stride * size, size, 1)
        return np.lib.stride_tricks.as_strided(
            self.tags[base:], (g.h, g.w, g.c, size), tuple(s * self.tags.itemsize for s in strides)
        )

    def fresh(self, t: int) -> np.ndarray:
        """New tags for a tensor about to be written: one per element, never used before."""
        shape = hwc(self.plan.graph.tensors[t].shape)
        first, self.next_tag = self.next_tag, self.next_tag + self.plan.graph.tensors[t].elements
        return np.arange(first, self.next_tag, dtype=np.int32).reshape(shape)

    def write(self, t: int) -> None:
        self.rows(t)[:] = self.expected[t][..., None]

    def wanted(self, t: int, what: str) -> np.ndarray:
        if t not in self.expected:
            _refuse(what, f"reads tensor {t}, which no step before it writes")
        return self.expected[t]

    def verify(self, t: int, what: str, lo: int = 0, hi: int | None = None) -> None:
        wanted = self.wanted(t, what)[lo:hi]
        same = self.rows(t)[lo:hi] == wanted[..., None]
        if not same.all():
            row = lo + int(np.argwhere(~same.all((1, 2, 3)))[0][0])
            _refuse(what, f"tensor {t}, row {row} is no longer in the arena when it is read")


def check(plan: Plan) -> None:
    """Raises InternalError, naming the step, if any read finds bytes that are not its own. Else returns."""
    graph, specs = plan.graph, load_ops()
    arena = _Arena(plan)
    order = [s.node for s in plan.schedule.steps]
    if order != sorted(set(order)) or any(not 0 <= k < len(graph.nodes) for k in order):
        _refuse("schedule", "steps are not in node order, or a node has two")
    step_of = {s.node: s for s in plan.schedule.steps}
    for b in arena.buffers:
        arena.buffer(b)
    for t in graph.inputs:
        arena.expected[t] = arena.fresh(t)
        arena.write(t)
    for k, node in enumerate(graph.nodes):
        view = graph.view(node)
        where = f"operator {node.index} {node.op}"
        inputs = [t.id for t in view.inputs if t is not None and not t.is_const]
        rule = specs[node.op].view(view)
        step = step_of.get(k)
        if step is None:
            _view(arena, view, rule, inputs, where)
        else:
            _operands(view, step, where)
            scratch = _scratch(arena, step, where)
            if isinstance(rule, PartsOfOutput) and _lies_in(arena, inputs, view.y.id):
                _fill_rest(arena, view, rule, inputs, where)
            else:
                _execute(arena, view, specs[node.op].access(view), where)
            if not (scratch == -2).all():
                _refuse(where, "an output overlaps the step's own scratch")
        for t in {*inputs, *node.outputs}:  # a large network's tags would take more memory than the network
            if t not in graph.outputs and graph.consumers.get(t, (-1,))[-1] <= k:
                del arena.expected[t]
    for t in graph.outputs:
        arena.verify(t, "the end of the inference")


def _operands(view: NodeView, step: Step, where: str) -> None:
    """The step's calls point to tensors of its own node only, which are the ones this replay follows."""
    own = {t.id for t in (*view.inputs, *view.outputs) if t is not None}
    for call in step.calls:
        for a in call.args:
            if isinstance(a, Ref) and a.tensor not in own:
                _refuse(where, f"a call is given tensor {a.tensor}, which is none of its operator's")


def _scratch(arena: _Arena, step: Step, where: str) -> np.ndarray:
    """The tags of the step's scratch, filled with a mark; empty where it has none."""
    needed = max((c.scratch_bytes for c in step.calls), default=0)
    if step.scratch is None:
        if needed:
            _refuse(where, f"needs {needed} bytes of scratch and has none")
        return arena.tags[:0]
    base, buffer = arena.buffer(step.scratch)
    if buffer.size_bytes < needed:
        _refuse(where, f"needs {needed} bytes of scratch and has {buffer.size_bytes}")
    tags = arena.tags[base : base + buffer.size_bytes]
    tags[:] = -2
    return tags


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
            arena.verify(t.id, where, *_rows_read(a, y, hwc(t.shape)[0]))
        rows[y] = tags[y][..., None]
        for t, a in reads:
            # within a row, a kernel may read for its last pixel after it wrote the first one
            if isinstance(a, (Window, RowMap)):
                arena.verify(t.id, where, *_rows_read(a, y, hwc(t.shape)[0]))
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


def _view(arena: _Arena, view: NodeView, rule: ViewRule | None, inputs: list[int], where: str) -> None:
    """A node without a step: its outputs must be exactly the bytes that its inputs already are."""
    if isinstance(rule, PartsOfOutput):
        _fill_rest(arena, view, rule, inputs, where, may_fill=False)
        return
    if len(inputs) != 1 or not isinstance(rule, (Reshaped, PartsOfInput)):
        _refuse(where, "has no step and is not a view")
    source = arena.wanted(inputs[0], where)
    if isinstance(rule, Reshaped):
        arena.expected[view.y.id] = source.reshape(hwc(view.y.shape))
    else:
        source = source.reshape(arena.plan.graph.tensors[inputs[0]].shape)
        for t, begin in zip(view.outputs, rule.begins, strict=True):
            part = source[tuple(slice(b, b + n) for b, n in zip(begin, t.shape, strict=True))]
            arena.expected[t.id] = part.reshape(hwc(t.shape))
    for t in view.outputs:
        arena.verify(t.id, where)


def _fill_rest(
    arena: _Arena, view: NodeView, rule: PartsOfOutput, inputs: list[int], where: str, may_fill: bool = True
) -> None:
    """Parts that were written in place keep their tags; everything else of the output is written now."""
    out = view.y
    tags = arena.fresh(out.id).reshape(out.shape)
    old = np.full(out.shape, False)
    for t, begin in zip(inputs, rule.begins, strict=True):
        shape = arena.plan.graph.tensors[t].shape
        part = tuple(slice(b, b + n) for b, n in zip(begin, shape, strict=True))
        tags[part] = arena.wanted(t, where).reshape(shape)
        old[part] = True
    if not may_fill and not old.all():
        _refuse(where, "has no step, but its output is more than its inputs")
    arena.expected[out.id] = tags.reshape(hwc(out.shape))
    window, keep = arena.rows(out.id), old.reshape(hwc(out.shape))
    window[:] = np.where(keep[..., None], window, arena.expected[out.id][..., None])
    arena.verify(out.id, where)


def _lies_in(arena: _Arena, inputs: list[int], out: int) -> bool:
    return bool(inputs) and all(arena.layout(t).buffer == arena.layout(out).buffer for t in inputs)
