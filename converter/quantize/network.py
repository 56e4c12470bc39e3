"""A float network as quantisation works on it: its graph, and the options of its operators as the file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyml.errors import UsageError
from tinyml.importers import import_model
from tinyml.importers.tflite_options import FieldOptions, Fields, read_options
from tinyml.ir import DType, Graph, Node, NodeView, Tensor
from tinyml.opspec import load_ops


@dataclass(frozen=True, eq=False)
class Network:
    """options: by `Node.index`."""

    graph: Graph
    options: Mapping[int, Fields]

    def fused_activation(self, node: Node) -> int | None:
        """The number of the activation that the operator applies to its output; None where it has no such option."""
        return self.options.get(node.index, {}).get("FusedActivationFunction")


def load_network(data: bytes, name: str) -> Network:
    """A float32 .tflite file. Raises InvalidModel, Unsupported, UsageError (quantised already)."""
    graph = import_model(data, name)
    quantised = [t for t in graph.tensors.values() if t.dtype in (DType.INT8, DType.UINT8)]
    if quantised:
        what = f"is quantised already (tensor {quantised[0].id} is {quantised[0].dtype.value})"
        raise UsageError(name, what, "give the float32 network that it was made from")
    return Network(graph, read_options(data))


def remade(node: Node, tensors: Mapping[int, Tensor], options: Fields) -> Node:
    """`node` with its attributes read anew, for operands of other types. Raises Reject or Malformed where it cannot be so."""
    spec = load_ops()[node.op]
    ins = tuple(None if t is None else tensors[t] for t in node.inputs)
    outs = tuple(tensors[t] for t in node.outputs)
    made = replace(node, attrs=spec.read(FieldOptions(spec.options, options), ins, outs))
    spec.infer(NodeView(made, ins, outs))
    return made


def constant(t: Tensor, data: np.ndarray) -> Tensor:
    """`t` with other values of the same type and shape."""
    data = np.ascontiguousarray(data, t.dtype.numpy).reshape(t.shape)
    data.setflags(write=False)
    return replace(t, data=data)
