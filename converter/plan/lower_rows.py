"""The kernel calls of a stage: each operator lowered for one row, with the views that its windows will have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinyml.ir import Graph, NodeView, Tensor, hwc
from tinyml.opspec import Geom, Lowering, Ref, Window, load_ops
from tinyml.plan.model import Layout, Link, Operand, RowStep, Target
from tinyml.plan.rows import PUSHED, Kind, Mode, RowNode, RowRead, row_of, rows_needed
from tinyml.plan.stream import Stream


def lower_stage(graph: Graph, flow: Stream, layouts: Mapping[int, Layout], target: Target) -> tuple[tuple[RowStep, ...], int]:
    """A row step per node, accumulators not yet given buffers, and the scratch bytes that the largest call needs."""
    rows = tuple(lower_node(graph, n, layouts, target) for n in flow.nodes)
    return rows, max(c.scratch_bytes for r in rows for c in r.calls)


def lower_node(graph: Graph, n: RowNode, layouts: Mapping[int, Layout], target: Target) -> RowStep:
    """One operator, or chain, for one event, with the geometries that `layouts` gives; without buffers of its own yet."""
    if n.node == PUSHED:
        return RowStep(n.node, n.events, (), (Operand(n.out, "row"),))
    if n.before:
        return _lower_chain(graph, n, layouts, target)
    view = graph.view(graph.nodes[n.node])
    spec = load_ops()[view.node.op]
    heights = {r.tensor: _height(graph, r) for r in n.reads}
    heights[n.out] = 1 if n.kind is Kind.ROWS else hwc(view.y.shape)[0]
    geoms = {t: replace(layouts[t].geom, h=h) for t, h in heights.items()}
    low = Lowering(geoms, target.isa, target.optimize, n.events, target.scratch_bytes, target.without)
    if n.kind is Kind.SUM:
        calls = spec.lower_sum(view, low)
    elif n.kind is Kind.ONCE:
        calls = spec.lower(view, low)
    else:
        calls = spec.lower(cut(view, {t: (h, None) for t, h in heights.items()}), low)
        placed = {r.tensor for r in n.reads if r.begin is not None and layouts[r.tensor].buffer == layouts[n.out].buffer}
        calls = tuple(c for c in calls if not any(isinstance(a, Ref) and a.tensor in placed for a in c.args))
    out = Operand(n.out, "row" if n.kind is Kind.ROWS else "whole")
    operands = tuple(_operand(view, r) for r in n.reads)
    return RowStep(n.node, n.events, calls, (*operands, out))


def chain_windows(graph: Graph, n: RowNode) -> tuple[Link, ...]:
    """Rows and columns that each window inside a chain must hold."""
    parts = (*n.before, n)
    needed = rows_needed([*n.before, row_of(n)])
    out, columns = [], n.pixels
    for k in range(len(parts) - 1, 0, -1):
        r = row_of(parts[k]).reads[0]
        assert r.window is not None
        width = hwc(graph.tensors[r.tensor].shape)[1]
        columns = min(width, (columns - 1) * r.window.stride[1] + r.window.size[1])
        rows = max(b - a for a, b in needed[k])
        out.insert(0, Link(parts[k - 1].node, rows, columns))
    return tuple(out)


def _lower_chain(graph: Graph, n: RowNode, layouts: Mapping[int, Layout], target: Target) -> RowStep:
    links, width = chain_windows(graph, n), hwc(graph.tensors[n.out].shape)[1]
    blocks = n.events * -(-width // n.pixels)
    source, calls = n.reads[0], []
    # what each part sees: the source's rows, then the windows, then the output row
    seen = [replace(layouts[source.tensor].geom, h=_height(graph, source))]
    seen += [Geom.dense(k.rows, k.columns, graph.tensors[graph.nodes[k.node].outputs[0]].stored[2]) for k in links]
    seen.append(replace(layouts[n.out].geom, h=1, w=n.pixels))
    for k, node in enumerate(n.nodes):
        view = graph.view(graph.nodes[node])
        t_in, t_out = (t for t in (*(t for t in view.inputs if t is not None and not t.is_const), view.y))
        geoms = {t_in.id: seen[k], t_out.id: seen[k + 1]}
        sizes = {t: (g.h, g.w) for t, g in geoms.items()}
        (call,) = load_ops()[view.node.op].lower(cut(view, sizes), Lowering(geoms, target.isa, target.optimize, blocks, target.scratch_bytes, target.without))
        calls.append(call)
    operands = (Operand(source.tensor, "chain"), Operand(n.out, "row"))
    return RowStep(n.node, n.events, tuple(calls), operands, links=links, pixels=n.pixels)


def _height(graph: Graph, r: RowRead) -> int:
    """Rows of the operand that one call sees at most."""
    if r.mode is Mode.WHOLE:
        return hwc(graph.tensors[r.tensor].shape)[0]
    return max(hi - lo for lo, hi in zip(r.lo, r.hi, strict=True))


def cut(view: NodeView, sizes: Mapping[int, tuple[int, int | None]]) -> NodeView:
    """The node with its arena tensors cut down to so many rows and columns (None: as many as it has)."""

    def part(t: Tensor | None) -> Tensor | None:
        if t is None or t.is_const or t.id not in sizes:
            return t
        h, w = sizes[t.id]
        return replace(t, shape=(1, h, t.shape[2] if w is None else w, t.shape[3]))

    return NodeView(view.node, tuple(map(part, view.inputs)), tuple(c for t in view.outputs if (c := part(t))))


def _operand(view: NodeView, r: RowRead) -> Operand:
    if r.mode is not Mode.WINDOW:
        return Operand(r.tensor, r.mode.value)
    spec = load_ops()[view.node.op]
    patterns = zip(view.inputs, spec.access(view), strict=True)
    a = next(a for t, a in patterns if t is not None and t.id == r.tensor)
    assert isinstance(a, Window)
    return Operand(r.tensor, "window", a.stride[0], a.pad[0], a.size[0])

