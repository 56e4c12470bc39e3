"""Gives a PAD's zero padding to the windows that read it, where all its readers can take explicit padding."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph
from tinyml.opspec import load_ops


def fold_padding(graph: Graph) -> Graph:
    specs = load_ops()
    for k in reversed(range(len(graph.nodes))):
        node = graph.nodes[k]
        pad = specs[node.op].as_padding(graph.view(node))
        out, src = node.outputs[0], node.inputs[0]
        readers = graph.consumers.get(out, ())
        if pad is None or out in graph.outputs or not readers or src is None:
            continue
        # only the operand that slides a window may be padded, and only once
        if any(specs[graph.nodes[r].op].with_padding is None or graph.nodes[r].inputs.index(out) != 0 for r in readers):
            continue
        if any(graph.nodes[r].inputs.count(out) != 1 for r in readers):
            continue
        nodes = list(graph.nodes)
        for r in readers:
            n = nodes[r]
            attrs = specs[n.op].with_padding(graph.view(n), pad)  # type: ignore[misc]
            nodes[r] = replace(n, attrs=attrs, inputs=(src, *n.inputs[1:]))
        del nodes[k]
        graph = graph.with_(nodes=tuple(nodes))
    return graph
