"""A global AVERAGE_POOL_2D as MEAN.

Both average all pixels of a channel, but int8 AVERAGE_POOL_2D gives its result in steps of its input's scale, while averages have a
much smaller range than the pixels; MEAN has an output scale of its own. On both residual networks of MLPerf Tiny that one tensor
caused more error than all others together (docs/quantize.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import DType, NodeView, Tensor
from tinyml.opspec import Malformed, Reject
from tinyml.quantize.network import Network, remade

AXES = (1, 2)


def widen_global_pools(network: Network) -> Network:
    """Every average over all rows and columns that is not clamped becomes a MEAN."""
    graph, options = network.graph, dict(network.options)
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        view = graph.view(node)
        if node.op == "AVERAGE_POOL_2D" and _is_global(view) and network.fused_activation(node) == 0:
            axes = Tensor(max(tensors) + 1, f"{view.y.name}_axes", (len(AXES),), DType.INT32, data=np.array(AXES, np.int32))
            fields = {"KeepDims": True}
            try:
                node = remade(replace(node, op="MEAN", inputs=(*node.inputs, axes.id)), {**tensors, axes.id: axes}, fields)
            except (Reject, Malformed):
                pass
            else:
                tensors[axes.id], options[node.index] = axes, fields
        nodes.append(node)
    return Network(graph.with_(tensors=tensors, nodes=tuple(nodes)), options)


def _is_global(n: NodeView) -> bool:
    return n.attrs.kernel == n.x.shape[1:3] and n.y.shape[1:3] == (1, 1) and not any(n.attrs.pad)
