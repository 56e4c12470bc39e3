"""Evaluates operators whose inputs are all constant with their reference, and makes the results constants."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph
from tinyml.opspec import load_ops


def fold_constants(graph: Graph) -> Graph:
    specs = load_ops()
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        view = graph.with_(tensors=tensors).view(node)
        constant = all(t is None or t.is_const for t in view.inputs)
        if not constant or any(t in graph.outputs for t in node.outputs):
            nodes.append(node)
            continue
        arrays = specs[node.op].reference(view, tuple(None if t is None else t.data for t in view.inputs))
        for t, a in zip(view.outputs, arrays, strict=True):
            a = a.copy()
            a.setflags(write=False)
            tensors[t.id] = replace(t, data=a)
    return graph.with_(tensors=tensors, nodes=tuple(nodes))
