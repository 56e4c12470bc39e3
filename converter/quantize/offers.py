"""Which widths can be had where, and the networks worth showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.quantize.assemble import Refused, assemble
from tinyml.quantize.costs import Costs
from tinyml.quantize.grid import Grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.quantise import EIGHT, Prepared, Widths
from tinyml.quantize.ranges import choose_grids
from tinyml.quantize.search import Budget, solve
from tinyml.quantize.sensitivity import Sensitivity
from tinyml.quantize.sequential import LayerWeights

NARROW = (4, 2)
SHARES = (0.85, 0.7, 0.6, 0.5, 0.4, 0.3)  # of what the int8 network costs, tried as budgets


@dataclass(frozen=True, eq=False)
class Offers:
    """weights: widths below 8 that every layer can have; activations: those of each group, by leader."""

    weights: tuple[int, ...]
    activations: Mapping[int, tuple[int, ...]]


def offers(p: Prepared, plain: bool) -> Offers:
    """What kernels exist for, by asking the operators. plain: only what a .tflite file holds, which is weights of 4 bits."""
    grids = choose_grids(p.graph, p.tied, p.seen, p.fixed, {})
    weights = {index: _placeholder(p, index, 8) for index in p.layer_nodes}

    def works(grids: Mapping[int, Grid], weights: Mapping[int, LayerWeights]) -> bool:
        try:
            assemble(p.network, p.quantised, grids, weights)
        except Refused:
            return False
        return True

    narrow = tuple(b for b in NARROW if not plain or b == 4)
    every = tuple(b for b in narrow if works(grids, {i: _placeholder(p, i, b) for i in weights}))
    activations: dict[int, tuple[int, ...]] = {}
    for group in () if plain else p.free_groups:
        members = [t for t, leader in p.tied.items() if leader == group]
        found = []
        for bits in narrow:
            if works({**grids, **{t: coarser(grids[t], bits) for t in members}}, weights):
                found.append(bits)
        activations[group] = tuple(found)
    return Offers(every, activations)


def coarser(grid: Grid, bits: int) -> Grid:
    """Of so many bits, with the same step: enough to ask what takes it."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return replace(grid, zero_point=min(max(grid.zero_point, low), high), bits=bits)


def _placeholder(p: Prepared, index: int, bits: int) -> LayerWeights:
    """Weights of the right shape and size, to ask whether an operator takes the type."""
    node = next(n for n in p.graph.nodes if n.index == index)
    layer = load_layers()[node.op]
    _, w, _ = layer.tensors(p.graph.view(node))
    channels = w.shape[layer.axis]
    scale = np.full(channels, max(float(np.abs(w.data).max()), 1e-6) / 127, np.float32)  # type: ignore[arg-type]
    return LayerWeights(np.zeros(w.shape, np.int8), scale, np.zeros(channels, np.float32), bits)


@dataclass(frozen=True, eq=False)
class Candidate:
    """Widths with what they are predicted to cost. error: of the output, over its variance."""

    widths: Widths
    error: float
    weight_bytes: int
    peak_bytes: int
    bitops: int

    @property
    def figures(self) -> tuple[float, ...]:
        return self.error, self.weight_bytes, self.peak_bytes, self.bitops


def candidate(costs: Costs, widths: Widths, error: float) -> Candidate:
    return Candidate(widths, error, costs.weight_bytes(widths), costs.peak_bytes(widths), costs.bitops(widths))


def front(costs: Costs, errors: Sensitivity, offered: Offers, most: int) -> list[Candidate]:
    """At most `most` networks of which none is better in every respect than another: int8 first, then by error."""
    found = [candidate(costs, EIGHT, 0.0)]
    eight = found[0]
    for share in SHARES:
        w, p, b = int(eight.weight_bytes * share), int(eight.peak_bytes * share), int(eight.bitops * share)
        for budget in (Budget(weight_bytes=w), Budget(peak_bytes=p), Budget(bitops=b), Budget(w, p, b)):
            solved = solve(costs, errors, offered.weights, offered.activations, budget)
            if solved is not None:
                found.append(candidate(costs, *solved))
    return thinned(pareto(found), most)


def pareto(found: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one equals or betters in every figure, by error; of equals the first."""
    kept: list[Candidate] = []
    for c in sorted(found, key=lambda c: c.figures):
        if not any(all(a <= b for a, b in zip(k.figures, c.figures, strict=True)) for k in kept):
            kept.append(c)
    return kept


def thinned(found: Sequence[Candidate], most: int) -> list[Candidate]:
    """Evenly over the list, its first and last among them."""
    if len(found) <= most:
        return list(found)
    return [found[round(k * (len(found) - 1) / max(1, most - 1))] for k in range(most)]
