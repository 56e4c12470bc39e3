"""Graph surgery that several passes need."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph, Node


def substitute(nodes: tuple[Node, ...], old: int, new: int) -> tuple[Node, ...]:
    """`nodes` with every read of tensor `old` turned into a read of `new`."""
    return tuple(
        replace(n, inputs=tuple(new if t == old else t for t in n.inputs)) if old in n.inputs else n for n in nodes
    )


def bypass(graph: Graph, k: int) -> Graph | None:
    """Removes node k, whose output 0 equals its input 0. None where the graph's interface needs the node."""
    node = graph.nodes[k]
    src, dst = node.inputs[0], node.outputs[0]
    assert src is not None
    if dst in graph.outputs and (src in graph.inputs or src in graph.outputs or graph.tensors[src].is_const):
        return None
    nodes = substitute(graph.nodes[:k] + graph.nodes[k + 1 :], dst, src)
    return graph.with_(nodes=nodes, outputs=tuple(src if t == dst else t for t in graph.outputs))
