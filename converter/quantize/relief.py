"""What int8, int16 and narrower forms of a network's parts cost its output, measured on calibration data.

The error of a group of activations at 8 and 16 bits and of a layer's weights at 8 bits is measured alone, everything else in float32,
as :mod:`tinyml.quantize.sensitivity` does it for 4 and 2 bits. :mod:`tinyml.quantize.kinds` chooses by these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tinyml.quantize.batch import evaluate
from tinyml.quantize.grid import Grid, best_grid, exact_grid
from tinyml.quantize.offers import Offers
from tinyml.quantize.quantise import Prepared
from tinyml.quantize.sensitivity import SAMPLES, measure, narrow_weights

EIGHT, SIXTEEN = 8, 16


@dataclass(frozen=True, eq=False)
class Losses:
    """Errors of the output over its variance: by (leader of a group, bits of its activations) and by (`Node.index` of a layer, bits of its
    weights). What has been measured is on offer."""

    activations: Mapping[tuple[int, int], float]
    weights: Mapping[tuple[int, int], float]


def losses(p: Prepared, seed: int, progress: Callable[[str], None] = lambda text: None) -> Losses:
    """What each group of activations at 8 and at 16 bits, and each layer's weights at 8, cost the output alone."""
    graph = p.graph
    few = p.data.take(np.linspace(0, len(p.data) - 1, min(SAMPLES, len(p.data))).astype(int))
    exact = evaluate(graph, few.inputs)[0]
    variance = max(float(exact.var()), 1e-12)

    def error(constants: Mapping[int, np.ndarray], grids: Mapping[int, Grid]) -> float:
        got = evaluate(graph, few.inputs, constants, lambda t, x: grids[t].fake(x) if t in grids else x)[0]
        return float(np.square(got - exact).mean()) / variance

    activations = {}
    groups = list(dict.fromkeys(p.tied.values()))
    for k, g in enumerate(groups):
        progress(f"measuring int8 and int16 activations ({k + 1} of {len(groups)})")
        eight = p.fixed.get(g) or (exact_grid(p.seen[g]) if g in graph.inputs else None) or best_grid(p.seen[g], EIGHT)
        for bits, grid in ((EIGHT, eight), (SIXTEEN, best_grid(p.seen[g], SIXTEEN))):
            activations[g, bits] = error({}, {t: grid for t, leader in p.tied.items() if leader == g})
    progress("measuring int8 weights")
    weights = {(at, bits): error(constants, {}) for at, bits, constants in narrow_weights(graph, p.layer_nodes, (EIGHT,), p.data, seed)}
    return Losses(activations, weights)


def with_narrow(lost: Losses, p: Prepared, offered: Offers, seed: int, progress: Callable[[str], None] = lambda text: None) -> Losses:
    """The same, and what widths below 8 cost."""
    narrow = measure(p, offered.weights, offered.activations, seed, progress)
    return Losses({**lost.activations, **narrow.activations}, {**lost.weights, **narrow.weights})
