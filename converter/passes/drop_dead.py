"""Removes operators that no output depends on, and tensors that nobody mentions any more."""

from __future__ import annotations

from tinyml.ir import Graph


def drop_dead(graph: Graph) -> Graph:
    needed, nodes = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            nodes.append(node)
            needed.update(t for t in node.inputs if t is not None)
    nodes.reverse()
    used = {*graph.inputs, *graph.outputs, *graph.model_inputs, *graph.model_outputs}
    for n in nodes:
        used.update(t for t in (*n.inputs, *n.outputs) if t is not None)
    return graph.with_(nodes=tuple(nodes), tensors={i: t for i, t in graph.tensors.items() if i in used})
