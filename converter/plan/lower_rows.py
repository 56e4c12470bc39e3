"""The kernel calls of a stage: each operator lowered for one row, with the views that its windows will have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinyml.ir import Graph, NodeView, Tensor, hwc
from tinyml.opspec import Lowering, Window, load_ops
from tinyml.plan.model import Layout, Operand, RowStep, Target
from tinyml.plan.rows import PUSHED, Kind, Mode, RowNode, RowRead
from tinyml.plan.stream import Stream


def lower_stage(graph: Graph, flow: Stream, layouts: Mapping[int, Layout], target: Target) -> tuple[tuple[RowStep, ...], int]:
    """A row step per node, accumulators not yet given buffers, and the scratch bytes that the largest call needs."""
    rows = tuple(lower_node(graph, n, layouts, target) for n in flow.nodes)
    return rows, max(c.scratch_bytes for r in rows for c in r.calls)


def lower_node(graph: Graph, n: RowNode, layouts: Mapping[int, Layout], target: Target) -> RowStep:
    """One operator for one event, with the geometries that `layouts` gives; its accumulator has no buffer yet."""
    if n.node == PUSHED:
        return RowStep(n.node, n.events, (), (Operand(n.out, "row"),))
    view = graph.view(graph.nodes[n.node])
    spec = load_ops()[view.node.op]
    heights = {r.tensor: _height(graph, r) for r in n.reads}
    heights[n.out] = 1 if n.kind is Kind.ROWS else hwc(view.y.shape)[0]
    geoms = {t: replace(layouts[t].geom, h=h) for t, h in heights.items()}
    low = Lowering(geoms, target.isa, target.optimize, n.events)
    if n.kind is Kind.SUM:
        calls = spec.lower_sum(view, low)
    elif n.kind is Kind.ONCE:
        calls = spec.lower(view, low)
    else:
        calls = spec.lower(_cut(view, heights), low)
    out = Operand(n.out, "row" if n.kind is Kind.ROWS else "whole")
    operands = tuple(_operand(view, r) for r in n.reads)
    return RowStep(n.node, n.events, calls, (*operands, out))


def _height(graph: Graph, r: RowRead) -> int:
    """Rows of the operand that one call sees at most."""
    if r.mode is Mode.WHOLE:
        return hwc(graph.tensors[r.tensor].shape)[0]
    return max(hi - lo for lo, hi in zip(r.lo, r.hi, strict=True))


def _cut(view: NodeView, heights: Mapping[int, int]) -> NodeView:
    """The node with its arena tensors cut down to so many rows."""

    def cut(t: Tensor | None) -> Tensor | None:
        return t if t is None or t.is_const or t.id not in heights else replace(t, shape=(1, heights[t.id], *t.shape[2:]))

    return NodeView(view.node, tuple(map(cut, view.inputs)), tuple(c for t in view.outputs if (c := cut(t))))


def _operand(view: NodeView, r: RowRead) -> Operand:
    if r.mode is not Mode.WINDOW:
        return Operand(r.tensor, r.mode.value)
    spec = load_ops()[view.node.op]
    patterns = zip(view.inputs, spec.access(view), strict=True)
    a = next(a for t, a in patterns if t is not None and t.id == r.tensor)
    assert isinstance(a, Window)
    return Operand(r.tensor, "window", a.stride[0], a.pad[0], a.size[0])

