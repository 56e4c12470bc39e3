"""Runs a graph with the operators' numpy references, and carries values across edges that a pass moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir import Graph, Node, NodeView, Tensor
from tinyml.opspec import load_ops
from tinyml.reference import run_graph


def convert(x: np.ndarray, src: Tensor, dst: Tensor) -> np.ndarray:
    """x as `dst` holds it: quantised or dequantised with the operators' own arithmetic, where the types differ."""
    if src.dtype is dst.dtype:
        return x
    spec = load_ops()["QUANTIZE" if src.dtype.value == "float32" else "DEQUANTIZE"]
    view = NodeView(Node(spec.name, (src.id,), (dst.id,), None, 0), (src,), (dst,))
    return spec.reference(view, (x,))[0]


def to_graph(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The model file's inputs as the graph takes them."""
    return [convert(x, graph.io_input(k), graph.tensors[graph.inputs[k]]) for k, x in enumerate(inputs)]


def from_graph(graph: Graph, outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The graph's outputs as the model file gives them."""
    return [convert(y, graph.tensors[graph.outputs[k]], graph.io_output(k)) for k, y in enumerate(outputs)]


def interpret(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Outputs of the model on the model file's inputs."""
    values = run_graph(graph, to_graph(graph, inputs))
    return from_graph(graph, [values[t] for t in graph.outputs])
