"""Cross-layer equalisation: the channels between two layers are scaled so that one grid suits all of them.

A layer whose outputs only another one reads may have each output channel divided by a positive factor if the reader's weights on that
channel are multiplied by it: ReLU, or no activation, lets it pass (Nagel et al., "Data-Free Quantization through Weight
Equalization and Bias Correction", arXiv 1906.04721). The network computes the same, up to float32's rounding.

The paper equalises the ranges of both layers' weights. Here weights have a scale per output channel, so dividing one changes nothing
for the first layer; what suffers from unequal channels are the activations between, which share one scale, and the reader's weights,
whose channels of one output share one. So the factors are r^a / k^(1-a), r a channel's largest activation, k the largest share that it has in
an output channel's range of weights, a = 1, 1/2 or 0 (the form of SmoothQuant, arXiv 2211.10438), per pair the a that leaves least
error in the reader's outputs, or none. None of these depends on the scale of the reader's own outputs: pairs are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyml.ir import Graph, Node, Tensor
from tinyml.numerics import FLT_MAX
from tinyml.quantize.batch import Tape, run_node
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Histogram, best_grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.network import Network, constant
from tinyml.quantize.rounding import channel_scales, nearest

SAMPLES = 64
EXPONENTS = (1.0, 0.5, 0.0)
HEADROOM = 1.1  # that a channel keeps below the upper end of a ReLU6
FARTHEST = 2.0**20  # a channel that is nearly dead is not magnified further


@dataclass(frozen=True, eq=False)
class Pair:
    """Two layers, the second the only reader of the first one's output. channels: of that, by weight of the second (`Layer.channels`)."""

    first: Node
    second: Node
    channels: np.ndarray


def pairs(graph: Graph, quantised: frozenset[int]) -> Iterator[Pair]:
    """All that can be scaled. quantised: `Node.index` of the operators that will be on integers."""
    for node in graph.nodes:
        readers = graph.consumers.get(node.outputs[0], ())
        if not _own_weights(graph, node, quantised) or len(readers) != 1 or node.outputs[0] in graph.outputs:
            continue
        reader = graph.nodes[readers[0]]
        if not _own_weights(graph, reader, quantised):
            continue
        layer, view, (lo, hi) = load_layers()[reader.op], graph.view(reader), graph.view(node).attrs.clamp
        at = layer.channels(view)
        if layer.tensors(view)[0].id == node.outputs[0] and at is not None and lo in (0, -FLT_MAX) and hi > 0:
            yield Pair(node, reader, at)


def _own_weights(graph: Graph, node: Node, quantised: frozenset[int]) -> bool:
    """Whether it is a quantised layer with constant weights and a bias that no other operator reads."""
    if node.op not in load_layers() or node.index not in quantised:
        return False
    _, *constants = load_layers()[node.op].tensors(graph.view(node))
    return all(t is not None and t.is_const and len(graph.consumers[t.id]) == 1 for t in constants)


def equalise(network: Network, quantised: frozenset[int], data: Calibration) -> tuple[Network, int]:
    """The network with its pairs scaled, and how many of them are. Every layer has a bias. Deterministic."""
    graph = network.graph
    found = list(pairs(graph, quantised))
    if not found:
        return network, 0
    few = data.take(np.linspace(0, len(data) - 1, min(SAMPLES, len(data))).astype(int))
    tape = Tape(graph, few.inputs, keep=[t for p in found for t in (p.first.outputs[0], *p.second.outputs)])
    for node in graph.nodes:
        tape.step(node)
    factors = {}
    for p in found:
        best = best_factors(graph, p, tape.values[p.first.outputs[0]], tape.values[p.second.outputs[0]])
        if best is not None:
            factors[p.first.index] = (p, best)
    for p, s in factors.values():
        graph = scaled(graph, p, s)
    return Network(graph, network.options), len(factors)


def scaled(graph: Graph, pair: Pair, factors: np.ndarray) -> Graph:
    """With each output channel of the first layer divided by its factor [C], and the second layer's weights to make up for it."""
    layers = load_layers()
    first, second = layers[pair.first.op], layers[pair.second.op]
    (_, w, bias), (_, v, _) = first.tensors(graph.view(pair.first)), second.tensors(graph.view(pair.second))
    assert w.data is not None and v.data is not None and bias is not None and bias.data is not None
    shape = [1] * len(w.shape)
    shape[first.axis] = -1
    changed: list[Tensor] = [
        constant(w, w.data / factors.reshape(shape)),
        constant(bias, bias.data.reshape(-1) / factors),
        constant(v, v.data * factors[pair.channels]),
    ]
    return graph.with_(tensors={**graph.tensors, **{t.id: t for t in changed}})


def best_factors(graph: Graph, pair: Pair, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Factors [C] with which the second layer's outputs suffer least from 8 bits; None where none help. x, y [N,*shape]: its input
    and its output."""
    _, w, _ = load_layers()[pair.second.op].tensors(graph.view(pair.second))
    assert w.data is not None
    reach = np.abs(x).reshape(-1, x.shape[-1]).max(0)
    _, limit = graph.view(pair.first).attrs.clamp
    best, least = None, _error(graph, pair, x, y, np.ones(len(reach)))
    for exponent in EXPONENTS:
        s = channel_factors(reach, _shares(pair, w.data), exponent, float(limit))
        loss = _error(graph, pair, x, y, s)
        if loss < least:
            best, least = s, loss
    return best


def channel_factors(reach: np.ndarray, share: np.ndarray, exponent: float, limit: float) -> np.ndarray:
    """float64 [C]. reach: each channel's largest activation; share: its part in the ranges of weights; limit: what activations are
    clipped at. Channels that reach the limit stay, and others do not come to it."""
    live, clipped = (reach > 0) & (share > 0), reach >= limit
    if not live.any():
        return np.ones(len(reach))
    size = np.where(live, reach, 1.0).astype(np.float64) ** exponent / np.where(live, share, 1.0).astype(np.float64) ** (1 - exponent)
    size /= np.exp(np.log(size[clipped & live]).mean()) if (clipped & live).any() else size[live].max()
    size = np.clip(size, 1 / FARTHEST, FARTHEST)
    if np.isfinite(limit):
        size = np.maximum(size, HEADROOM * reach / limit)
    return np.where(live & ~clipped, size, 1.0)


def _shares(pair: Pair, weights: np.ndarray) -> np.ndarray:
    """[C]: the largest weight on each channel of the second layer's input, as a share of the largest one of the same output channel."""
    size, axis = np.abs(weights), load_layers()[pair.second.op].axis
    most = size.max(tuple(k for k in range(size.ndim) if k != axis), keepdims=True)
    out = np.zeros(pair.channels.max() + 1)
    np.maximum.at(out, pair.channels.reshape(-1), (size / np.maximum(most, 1e-30)).reshape(-1))
    return out


def _error(graph: Graph, pair: Pair, x: np.ndarray, y: np.ndarray, factors: np.ndarray) -> float:
    """Of the second layer's outputs, with its input and weights, scaled, rounded to nearest on 8 bits: mean square over the variance,
    averaged over channels, since in front of further layers no channel's size means anything."""
    n, layer = graph.view(pair.second), load_layers()[pair.second.op]
    _, w, _ = layer.tensors(n)
    assert w.data is not None
    z = (x / factors).astype(np.float32)
    rows = layer.matrix(n, (w.data * factors[pair.channels]).astype(np.float32))
    rounded = [nearest(m, channel_scales(m, 8, np.ones(m.shape[1], np.float32)), 8).real for m in rows]
    operands = [None if t is None else t.data for t in n.inputs]
    operands[layer.x] = best_grid(Histogram.of(z), 8).fake(z)
    operands[layer.weights] = layer.weights_of(n, np.stack(rounded))
    (got,) = run_node(n, operands)
    channels = y.reshape(-1, y.shape[-1]).astype(np.float64)
    loss, spread = np.square(got.reshape(channels.shape) - channels).mean(0), channels.var(0)
    return float((loss[spread > 0] / spread[spread > 0]).mean()) if (spread > 0).any() else 0.0
