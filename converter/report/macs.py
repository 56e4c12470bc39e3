"""Multiply-accumulates as planned: what a chain computes again for every row of its last operator counts each time."""

from __future__ import annotations

from tinyml.ir import DType, Graph, hwc
from tinyml.opspec import load_ops
from tinyml.plan.model import RowStep, Schedule, Stage, Step
from tinyml.plan.rows import row_node, rows_needed


def step_macs(graph: Graph, step: Step | Stage) -> dict[int, int]:
    """Multiply-accumulates of one inference, by node of the step."""
    out = {k: node_macs(graph, k) for k in step.nodes}
    if isinstance(step, Stage) and step.grid is not None:
        return {k: macs * pixels // _pixels(graph, k) for (k, macs), pixels in zip(out.items(), tile_pixels(step), strict=True)}
    for row in step.rows if isinstance(step, Stage) else ():
        for k, computed in _rows_computed(graph, row).items():
            out[k] = out[k] // hwc(graph.view(graph.nodes[k]).y.shape)[0] * computed
    return out


def tile_pixels(stage: Stage) -> list[int]:
    """For each operator of a stage in tiles, the pixels that it computes, over all tiles."""
    assert stage.grid is not None
    out = []
    for p in range(len(stage.rows)):
        rows = [hi - lo for lo, hi in (r[p] for r in stage.grid.rows)]
        columns = [hi - lo for lo, hi in (c[p] for c in stage.grid.columns)]
        out.append((stage.order.count(p) if stage.grid.mode == "strips" else sum(rows)) * sum(columns))
    return out


def _pixels(graph: Graph, k: int) -> int:
    h, w, _ = hwc(graph.view(graph.nodes[k]).y.shape)
    return h * w


def _rows_computed(graph: Graph, row: RowStep) -> dict[int, int]:
    """How many rows the operators inside a chain compute, over all rows of its output."""
    parts = [n for k in row.nodes if row.links and (n := row_node(graph, k))]
    needed = rows_needed(parts) if parts else []
    return {n.node: sum(b - a for a, b in rows) for n, rows in zip(parts, needed[1:], strict=False)}


def node_macs(graph: Graph, k: int) -> int:
    """Multiply-accumulates of node k where it runs once."""
    view = graph.view(graph.nodes[k])
    return load_ops()[view.node.op].macs(view)


def node_bitops(graph: Graph, k: int, macs: int) -> int:
    """`macs` multiply-accumulates of node k times the bits of its weights (of its second operand) and of its activations."""
    n = graph.view(graph.nodes[k])
    live = [t.dtype.bits for t in n.inputs if t is not None and not t.is_const and t.dtype is not DType.BOOL]
    fixed = [t.dtype.bits for t in n.inputs[1:2] if t is not None and t.is_const]
    return macs * (live[0] if live else 0) * (fixed or live[1:] or live or [0])[0]


def graph_bitops(graph: Graph) -> int:
    """Bit operations of one inference where each operator runs once: multiply-accumulates times weight bits times
    activation bits, as QuantMCU and HAQ count them."""
    return sum(node_bitops(graph, k, node_macs(graph, k)) for k in range(len(graph.nodes)))


def planned_bitops(graph: Graph, schedule: Schedule) -> int:
    """Bit operations of one inference as planned, recompute included."""
    return sum(node_bitops(graph, k, macs) for s in schedule.steps for k, macs in step_macs(graph, s).items())


def graph_macs(graph: Graph) -> int:
    """Multiply-accumulates where each operator runs once."""
    return sum(node_macs(graph, k) for k in range(len(graph.nodes)))


def planned_macs(graph: Graph, schedule: Schedule) -> int:
    """Multiply-accumulates of one inference."""
    return sum(sum(step_macs(graph, s).values()) for s in schedule.steps)
