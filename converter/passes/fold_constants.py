"""Evaluates operators whose inputs are all constant with their reference, and makes the results constants.

A result that is an output of the network has to appear in the arena: there the operator becomes a copy of the constant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import Graph, Node, NodeView, Tensor
from tinyml.ops import reshape
from tinyml.ops._reshape import Attrs
from tinyml.opspec import Reject, load_ops


def fold_constants(graph: Graph) -> Graph:
    specs = load_ops()
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        view = graph.with_(tensors=tensors).view(node)
        constant = all(t is None or t.is_const for t in view.inputs)
        if not constant or (node.op == reshape.SPEC.name and node.outputs[0] in graph.outputs):
            nodes.append(node)
            continue
        wanted = [t for t in view.outputs if t.id in graph.outputs]
        copies = [_copy(t, max(tensors) + 1 + k, node.index) for k, t in enumerate(wanted)]
        if not all(copies):  # a type that is never copied, which its own kernel reads from flash
            nodes.append(node)
            continue
        arrays = specs[node.op].reference(view, tuple(None if t is None else t.data for t in view.inputs))
        values = {t.id: _frozen(t, a) for t, a in zip(view.outputs, arrays, strict=True)}
        tensors.update((t, v) for t, v in values.items() if t not in graph.outputs)
        for copy in filter(None, copies):
            source = copy.inputs[0]
            assert source is not None
            tensors[source] = replace(values[copy.outputs[0]], id=source)
            nodes.append(copy)
    return graph.with_(tensors=tensors, nodes=tuple(nodes))


def _frozen(t: Tensor, a: np.ndarray) -> Tensor:
    a = a.copy()
    a.setflags(write=False)
    return replace(t, data=a)


def _copy(out: Tensor, source: int, index: int) -> Node | None:
    """The node that copies constant `source` to `out`; None where there is no kernel for the type."""
    node = Node(reshape.SPEC.name, (source,), (out.id,), Attrs(out.shape), index)
    try:
        reshape.SPEC.infer(NodeView(node, (replace(out, id=source),), (out,)))
    except Reject:
        return None
    return node
