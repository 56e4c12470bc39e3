"""Ways to fuse a graph that do not depend on what the planner finds worth it."""

from __future__ import annotations

from tinyml.ir import Graph
from tinyml.plan.model import Plan, Target
from tinyml.plan.planner import plan_of
from tinyml.plan.rows import row_node
from tinyml.plan.schedule import Range, make_schedule


def longest_stages(graph: Graph) -> tuple[Range, ...]:
    """Every run of two or more operators that can go row by row, as one stage."""
    out, first = [], 0
    for k in range(len(graph.nodes) + 1):
        if k == len(graph.nodes) or row_node(graph, k) is None:
            if k - first > 1:
                out.append((first, k))
            first = k + 1
    return tuple(out)


def streamed(graph: Graph, views: bool = True) -> Plan | None:
    """The checked plan with the longest stages; None where nothing can be fused."""
    stages = longest_stages(graph)
    if not stages:
        return None
    return plan_of(graph, make_schedule(graph, Target(), views, in_place=False, stages=stages, overlap=True))
