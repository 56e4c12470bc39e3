"""The independent proof that no live byte is overwritten. Shares no code with storage, schedule or place.

The schedule is replayed on a model of the arena in which every byte holds a tag: which element of which tensor wrote it
last. A step may only read bytes that still hold the tags of what it means to read. Where a step's output may touch its
input, the replay goes row by row in the order the kernels' contract promises (tm/window.h, tm/elementwise.h); an operator
without such a promise must find its inputs whole after its last write.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView, Tensor, hwc
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
from tinyml.plan.check_arena import SCRATCH, Arena, refuse
from tinyml.plan.check_stage import replay_stage
from tinyml.plan.check_tiles import replay_tiles
from tinyml.plan.model import Plan, Stage, Step


def check(plan: Plan) -> None:
    """Raises InternalError, naming the step, if any read finds bytes that are not its own. Else returns."""
    graph, specs = plan.graph, load_ops()
    arena = Arena(plan)
    order = [k for s in plan.schedule.steps for k in s.nodes]
    if order != sorted(set(order)) or any(not 0 <= k < len(graph.nodes) for k in order):
        refuse("schedule", "steps are not in node order, or a node has two")
    step_of = {s.nodes[-1]: s for s in plan.schedule.steps}
    inner = {k for s in plan.schedule.steps for k in s.nodes[:-1]}
    for b in arena.buffers:
        arena.buffer(b)
    for _, stage in plan.schedule.stages():
        arena.in_first(stage.state, "where pushed rows stand")
        for link in (k for r in stage.rows for k in r.links):
            arena.in_first(link.buffer, "the windows of a chain")
    for t in graph.inputs:
        arena.expected[t] = arena.fresh(t)
        if t != plan.schedule.pushed:
            arena.write(t)
    for k, node in enumerate(graph.nodes):
        view = graph.view(node)
        where = f"operator {node.index} {node.op}"
        inputs = [t.id for t in view.inputs if t is not None and not t.is_const]
        rule = specs[node.op].view(view)
        step = step_of.get(k)
        if k in inner:
            continue
        if isinstance(step, Stage):
            inputs = (replay_tiles if step.grid else replay_stage)(arena, step, where)
        elif step is None:
            _view(arena, view, rule, inputs, where)
        else:
            _operands(view, step, where)
            scratch = arena.scratch(step, where)
            scratch[:] = SCRATCH
            if isinstance(rule, PartsOfOutput) and _lies_in(arena, inputs, view.y.id):
                _fill_rest(arena, view, rule, inputs, where)
            else:
                _execute(arena, view, specs[node.op].access(view), where)
            if not (scratch == SCRATCH).all():
                refuse(where, "an output overlaps the step's own scratch")
        for t in (*inputs, *node.outputs):  # a large network's tags would take more memory than the network
            if t not in graph.outputs and graph.consumers.get(t, (-1,))[-1] <= k:
                arena.expected.pop(t, None)
    for t in graph.outputs:
        arena.verify(t, "the end of the inference")
    arena.verify_addresses()


def _operands(view: NodeView, step: Step, where: str) -> None:
    """The step's calls point to tensors of its own node only, which are the ones this replay follows."""
    own = {t.id for t in (*view.inputs, *view.outputs) if t is not None}
    for call in step.calls:
        for a in call.args:
            if isinstance(a, Ref) and a.tensor not in own:
                refuse(where, f"a call is given tensor {a.tensor}, which is none of its operator's")


def _execute(arena: Arena, view: NodeView, accesses: tuple, where: str) -> None:
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


def _replay_rows(arena: Arena, view: NodeView, reads: list, where: str) -> None:
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


def _trails(arena: Arena, out: int, src: int) -> bool:
    """Element i of `out` ends no later than element i+1 of `src` begins: safe for any element-wise kernel."""
    g, size = arena.plan.graph, lambda t: arena.plan.graph.tensors[t].dtype.bytes
    if g.tensors[out].stored != g.tensors[src].stored:
        return False
    ends = _addresses(arena, out).reshape(-1) + size(out)
    begins = _addresses(arena, src).reshape(-1)
    return bool((ends[:-1] <= begins[1:]).all())


def _addresses(arena: Arena, t: int) -> np.ndarray:
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


def _view(arena: Arena, view: NodeView, rule: ViewRule | None, inputs: list[int], where: str) -> None:
    """A node without a step: its outputs must be exactly the bytes that its inputs already are."""
    if isinstance(rule, PartsOfOutput):
        _fill_rest(arena, view, rule, inputs, where, may_fill=False)
        return
    if len(inputs) != 1 or not isinstance(rule, (Reshaped, PartsOfInput)):
        refuse(where, "has no step and is not a view")
    source = arena.wanted(inputs[0], where)
    if isinstance(rule, Reshaped):
        arena.expected[view.y.id] = source.reshape(view.y.stored)
    else:
        source = source.reshape(_units(arena.plan.graph.tensors[inputs[0]], where, rule.begins))
        for t, begin in zip(view.outputs, rule.begins, strict=True):
            part = source[tuple(slice(b, b + n) for b, n in zip(begin, _units(t, where), strict=True))]
            arena.expected[t.id] = part.reshape(t.stored)
    for t in view.outputs:
        arena.verify(t.id, where)


def _units(t: Tensor, where: str, begins: tuple[tuple[int, ...], ...] = ()) -> tuple[int, ...]:
    """A tensor's shape in storage units. Packed channels share theirs, so that a part of them can not begin elsewhere than at 0."""
    if t.dtype.packed and any(b[-1] for b in begins):
        refuse(where, f"takes a part of the packed channels of tensor {t.id}")
    return t.units


def _fill_rest(
    arena: Arena, view: NodeView, rule: PartsOfOutput, inputs: list[int], where: str, may_fill: bool = True
) -> None:
    """Parts that were written in place keep their tags; everything else of the output is written now."""
    out = view.y
    whole = _units(out, where, rule.begins)
    tags = arena.fresh(out.id).reshape(whole)
    old = np.full(whole, False)
    for t, begin in zip(inputs, rule.begins, strict=True):
        shape = _units(arena.plan.graph.tensors[t], where)
        part = tuple(slice(b, b + n) for b, n in zip(begin, shape, strict=True))
        tags[part] = arena.wanted(t, where).reshape(shape)
        old[part] = True
    if not may_fill and not old.all():
        refuse(where, "has no step, but its output is more than its inputs")
    arena.expected[out.id] = tags.reshape(out.stored)
    window, keep = arena.rows(out.id), old.reshape(out.stored)
    window[:] = np.where(keep[..., None], window, arena.expected[out.id][..., None])
    arena.verify(out.id, where)


def _lies_in(arena: Arena, inputs: list[int], out: int) -> bool:
    return bool(inputs) and all(arena.layout(t).buffer == arena.layout(out).buffer for t in inputs)
