"""Merges a stand-alone clamp (RELU, RELU6 with unchanged quantisation) into the operator that feeds it."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph
from tinyml.opspec import load_ops


def fuse_activations(graph: Graph) -> Graph:
    specs = load_ops()
    for k in reversed(range(len(graph.nodes))):
        node = graph.nodes[k]
        clamp = specs[node.op].as_clamp(graph.view(node))
        src = node.inputs[0]
        if clamp is None or src not in graph.producer or src in graph.outputs or len(graph.consumers[src]) != 1:
            continue
        p = graph.producer[src]
        producer = graph.nodes[p]
        with_clamp = specs[producer.op].with_clamp
        if with_clamp is None or len(producer.outputs) != 1:
            continue
        nodes = list(graph.nodes)
        nodes[p] = replace(producer, attrs=with_clamp(graph.view(producer), *clamp), outputs=node.outputs)
        del nodes[k]
        graph = graph.with_(nodes=tuple(nodes))
    return graph
