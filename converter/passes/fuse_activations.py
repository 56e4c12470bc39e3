"""Merges a stand-alone clamp (RELU, RELU6 with unchanged quantisation) into the operator that feeds it."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph
from tinyml.opspec import load_ops


def fuse_activations(graph: Graph) -> Graph:
    k = 0
    while k < len(graph.nodes):  # front to back, so that of a chain of clamps each finds the operator before all of them
        fused = _fused(graph, k)
        if fused is None:
            k += 1
        else:
            graph = fused
    return graph


def _fused(graph: Graph, k: int) -> Graph | None:
    """The graph without node k, its clamp moved into its producer; None where it is no clamp or has to stay."""
    specs = load_ops()
    node = graph.nodes[k]
    clamp = specs[node.op].as_clamp(graph.view(node))
    src = node.inputs[0]
    if clamp is None or src not in graph.producer or src in graph.outputs or len(graph.consumers[src]) != 1:
        return None
    p = graph.producer[src]
    producer = graph.nodes[p]
    with_clamp = specs[producer.op].with_clamp
    if with_clamp is None or len(producer.outputs) != 1:
        return None
    nodes = list(graph.nodes)
    nodes[p] = replace(producer, attrs=with_clamp(graph.view(producer), *clamp), outputs=node.outputs)
    del nodes[k]
    return graph.with_(nodes=tuple(nodes))
