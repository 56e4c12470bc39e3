"""Runs a graph with the operators' own numpy references: slow, exact, without LiteRT, for any type the toolchain knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir import Graph
from tinyml.opspec import load_ops


def run_graph(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """Every tensor's value by id. `inputs` as the graph itself takes them."""
    values = {t.id: t.data for t in graph.tensors.values() if t.data is not None}
    values.update(zip(graph.inputs, inputs, strict=True))
    specs = load_ops()
    for node in graph.nodes:
        arrays = tuple(None if t is None else values[t] for t in node.inputs)
        results = specs[node.op].reference(graph.view(node), arrays)
        for t, a in zip(node.outputs, results, strict=True):
            assert a.shape == graph.tensors[t].shape and a.dtype == graph.tensors[t].dtype.numpy, node
            values[t] = a
    return values
