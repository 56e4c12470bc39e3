"""How much the network's output suffers where one tensor alone is narrow, measured on calibration data.

Everything else stays float32; the error is the output's mean squared change over its variance. Weights are rounded as they will
be (:mod:`tinyml.quantize.rounding`), ranges chosen as they will be, so the figures are those of the methods in use and not of plain
rounding. That they add up, when several tensors are narrow, is the search's one assumption (as in HAWQ, arXiv 1905.03696, whose
second-order estimate of the same quantity is not needed where measuring takes seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir import Graph
from tinyml.quantize.batch import Tape, evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid, best_grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.quantise import Prepared
from tinyml.quantize.refine import Refiner
from tinyml.quantize.sequential import BEST, LayerWeights, fit_alone

SAMPLES = 160  # that the error is measured on


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Errors by (`Node.index` of a layer, bits of its weights) and (leader of a group, bits of its activations); 8 bits count 0."""

    weights: Mapping[tuple[int, int], float]
    activations: Mapping[tuple[int, int], float]

    def of_weights(self, index: int, bits: int) -> float:
        return 0.0 if bits == 8 else self.weights[index, bits]

    def of_activations(self, group: int, bits: int) -> float:
        return 0.0 if bits == 8 else self.activations[group, bits]


def measure(
    p: Prepared, weights: Sequence[int], activations: Mapping[int, Sequence[int]], seed: int,
    progress: Callable[[str], None] = lambda text: None,
) -> Sensitivity:  # fmt: skip
    """weights: widths below 8 to measure for every layer; activations: those of each group."""
    graph = p.graph
    few = p.data.take(np.linspace(0, len(p.data) - 1, min(SAMPLES, len(p.data))).astype(int))
    exact = evaluate(graph, few.inputs)[0]
    variance = max(float(exact.var()), 1e-12)

    def error(constants: Mapping[int, np.ndarray], grids: Mapping[int, Grid]) -> float:
        got = evaluate(graph, few.inputs, constants, lambda t, x: grids[t].fake(x) if t in grids else x)[0]
        return float(np.square(got - exact).mean()) / variance

    by_weights = {}
    total = len(p.layer_nodes) * len(weights)
    for at, bits, constants in narrow_weights(graph, p.layer_nodes, weights, p.data, seed):
        progress(f"measuring weights ({len(by_weights) + 1} of {total})")
        by_weights[at, bits] = error(constants, {})
    by_activations = {}
    refiner = Refiner(graph, p.tied, p.data)
    wanted = [(g, b) for g, widths in activations.items() for b in widths if b < 8]
    for k, (group, bits) in enumerate(wanted):
        progress(f"measuring activations ({k + 1} of {len(wanted)})")
        grid = refiner.refined(group, best_grid(p.seen[group], bits))
        by_activations[group, bits] = error({}, {t: grid for t, leader in p.tied.items() if leader == group})
    return Sensitivity(by_weights, by_activations)


def narrow_weights(graph: Graph, layer_nodes: Sequence[int], weights: Sequence[int], data: Calibration, seed: int):
    """(`Node.index`, bits, constants in place of the layer's own) for every layer and width, each layer fed exact values."""
    tape, rng = Tape(graph, data.inputs), np.random.default_rng(seed)
    for node in graph.nodes:
        if node.index in layer_nodes and weights:
            layer, view = load_layers()[node.op], graph.view(node)
            x, w, bias = layer.tensors(view)
            assert bias is not None
            for bits, made in fit_alone(layer, view, tape.values[x.id], weights, rng, BEST).items():
                yield node.index, bits, _constants(w.id, bias.id, made, layer.axis)
        tape.step(node)


def _constants(w: int, bias: int, made: LayerWeights, axis: int) -> dict[int, np.ndarray]:
    return {w: made.real(axis), bias: made.bias}
