"""Rewrites a float network so that less of it has to be quantised: what follows a layer with weights becomes part of it.

Batch normalisation that the converter left as MUL and ADD by a constant per channel goes into weights and bias, activations that
stand alone into the operator before them, and every layer gets a bias. The network computes the same as before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import Graph, Node, Tensor
from tinyml.numerics import activation_clamp
from tinyml.opspec import load_ops
from tinyml.passes.fold_constants import fold_constants
from tinyml.quantize.layers import Layer, load_layers
from tinyml.quantize.network import Network, constant, remade

ACTIVATIONS = (1, 2, 3)  # RELU, RELU_N1_TO_1, RELU6 as the schema numbers them


def fold(network: Network) -> Network:
    """Raises nothing: what cannot be folded stays."""
    network = _with_biases(Network(fold_constants(network.graph), network.options))
    k = 0
    while k < len(network.graph.nodes):
        folded = _into_producer(network, k)
        if folded is None:
            k += 1
        else:
            network = folded
    used = {t for n in network.graph.nodes for t in (*n.inputs, *n.outputs)} | {*network.graph.inputs, *network.graph.outputs}
    return Network(network.graph.with_(tensors={k: t for k, t in network.graph.tensors.items() if k in used}), network.options)


def _with_biases(network: Network) -> Network:
    graph, layers = network.graph, load_layers()
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        layer = layers.get(node.op)
        if layer is not None and layer.tensors(graph.view(node))[1].is_const and layer.tensors(graph.view(node))[2] is None:
            w = layer.tensors(graph.view(node))[1]
            name, channels = f"{w.name}_bias", w.shape[layer.axis]
            made = Tensor(max(tensors) + 1, name, (channels,), w.dtype, data=np.zeros(channels, w.dtype.numpy))
            made.data.setflags(write=False)  # type: ignore[union-attr]
            tensors[made.id] = made
            inputs = [*node.inputs, *(None,) * (layer.bias + 1 - len(node.inputs))]
            inputs[layer.bias] = made.id
            node = replace(node, inputs=tuple(inputs))
        nodes.append(node)
    return Network(graph.with_(tensors=tensors, nodes=tuple(nodes)), network.options)


def _into_producer(network: Network, k: int) -> Network | None:
    """Without node k, which its producer now does as well; None where that is not so."""
    graph = network.graph
    node, view = graph.nodes[k], graph.view(graph.nodes[k])
    sources = [t for t in node.inputs if t is not None and not graph.tensors[t].is_const]
    if len(sources) != 1 or sources[0] not in graph.producer or sources[0] in graph.outputs or len(graph.consumers[sources[0]]) != 1:
        return None
    p = graph.producer[sources[0]]
    producer = graph.nodes[p]
    if len(producer.outputs) != 1 or network.fused_activation(producer) != 0 or view.y.shape != graph.tensors[sources[0]].shape:
        return None
    tensors, activation = dict(graph.tensors), None
    clamp = load_ops()[node.op].as_clamp(view)
    if clamp is not None:
        activation = next((a for a in ACTIVATIONS if activation_clamp(a, view.y) == clamp), None)
    elif producer.op in load_layers():
        changed = _affine(graph, producer, node, load_layers()[producer.op])
        if changed is not None:
            tensors.update((t.id, t) for t in changed)
            activation = network.fused_activation(node)
    if activation is None:
        return None
    options = {**network.options, producer.index: {**network.options[producer.index], "FusedActivationFunction": activation}}
    made = remade(replace(producer, outputs=node.outputs), tensors, options[producer.index])
    nodes = [made if i == p else n for i, n in enumerate(graph.nodes) if i != k]
    return Network(graph.with_(tensors=tensors, nodes=tuple(nodes)), options)


def _affine(graph: Graph, producer: Node, node: Node, layer: Layer) -> list[Tensor] | None:
    """The producer's weights and bias with `node`, a MUL, ADD or SUB of a constant per channel, applied; None where it is no such."""
    _, w, bias = layer.tensors(graph.view(producer))
    apply = _AFFINE.get(node.op)
    operands = [None if t is None else graph.tensors[t].data for t in node.inputs]
    if apply is None or bias is None or w.data is None or bias.data is None or any(len(graph.consumers[t.id]) != 1 for t in (w, bias)):
        return None
    at = next(k for k, a in enumerate(operands) if a is not None)
    values = operands[at]
    channels = w.shape[layer.axis]
    assert values is not None
    if values.size not in (1, channels) or values.size != values.shape[-1:].count(channels) * channels and values.size != 1:
        return None
    factor, offset = apply(np.broadcast_to(values.reshape(-1), (channels,)), at)
    shape = [1] * len(w.shape)
    shape[layer.axis] = channels
    return [constant(w, w.data * factor.reshape(shape)), constant(bias, bias.data.reshape(-1) * factor + offset)]


def _one(c: np.ndarray) -> np.ndarray:
    return np.ones_like(c)


# what the operator with constant c at operand `at` does to its other operand: (factor, offset) per channel
_AFFINE = {
    "MUL": lambda c, at: (c, 0 * c),
    "ADD": lambda c, at: (_one(c), c),
    "SUB": lambda c, at: (_one(c), -c) if at == 1 else (-_one(c), c),
}
