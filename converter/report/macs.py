"""Multiply-accumulates as planned: what a chain computes again for every row of its last operator counts each time."""

from __future__ import annotations

from tinyml.ir import Graph, hwc
from tinyml.plan.model import RowStep, Schedule, Stage, Step
from tinyml.plan.rows import row_node, rows_needed
from tinyml.work import node_bitops, node_macs


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


def planned_bitops(graph: Graph, schedule: Schedule) -> int:
    """Bit operations of one inference as planned, recompute included."""
    return sum(node_bitops(graph, k, macs) for s in schedule.steps for k, macs in step_macs(graph, s).items())


def planned_macs(graph: Graph, schedule: Schedule) -> int:
    """Multiply-accumulates of one inference."""
    return sum(sum(step_macs(graph, s).values()) for s in schedule.steps)
