"""Removes operators whose output is their input: same shape, same bytes (RESHAPE to the same shape, PAD by nothing)."""

from __future__ import annotations

from tinyml.ir import Graph
from tinyml.opspec import load_ops
from tinyml.passes.rewrite import bypass


def drop_noops(graph: Graph) -> Graph:
    specs = load_ops()
    for k in reversed(range(len(graph.nodes))):
        node = graph.nodes[k]
        if specs[node.op].is_noop(graph.view(node)):
            graph = bypass(graph, k) or graph
    return graph
