"""A network in patches whose feature maps have widths of their own: grids, the simulation, the network on integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyml.quantize.assemble import assemble
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid, Histogram, best_grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.network import Network
from tinyml.quantize.patches import Patched, unroll
from tinyml.quantize.quantise import Recipe
from tinyml.quantize.quantmcu import Settings, branch_of, inputs_of_outliers, outliers, positions_of_outliers, search
from tinyml.quantize.ranges import observe, quantised_nodes, tied_tensors
from tinyml.work import graph_bitops


@dataclass(frozen=True, eq=False)
class PatchRecipe:
    """recipe: of the whole network at 8 bits of activations. tied: of the patched graph. seen: values of each tensor of a patch.
    shares: [N,P] of outliers in the calibration data."""

    recipe: Recipe
    patched: Patched
    tied: Mapping[int, int]
    quantised: frozenset[int]
    seen: Mapping[int, Histogram]
    shares: np.ndarray

    @staticmethod
    def of(recipe: Recipe, patched: Patched) -> PatchRecipe:
        """Without having looked at any values."""
        graph = patched.network.graph
        quantised = quantised_nodes(graph)
        return PatchRecipe(recipe, patched, tied_tensors(graph, quantised), quantised, {}, np.zeros((0, patched.patches)))

    @property
    def weight_bits(self) -> dict[int, int]:
        return {k: w.bits for k, w in self.recipe.weights.items()}

    def low_grids(self, widths: Mapping[int, int], patches: frozenset[int]) -> dict[int, Grid]:
        """By the network's tensor: the grid of its parts in `patches`."""
        merged = self.values_in(patches)
        return {i: best_grid(merged[i], b) if b < 8 else self.recipe.grids[i] for i, b in widths.items() if i in merged}

    def values_in(self, patches: frozenset[int]) -> dict[int, Histogram]:
        out: dict[int, Histogram] = {}
        for t, (i, p) in self.patched.origin.items():
            if p in patches and t in self.seen:
                out[i] = out[i].merged(self.seen[t]) if i in out else self.seen[t]
        return out

    def grids(self, low: Mapping[int, Grid], eight: frozenset[int]) -> dict[int, Grid]:
        """Of every tensor of the patched graph: 8 bits in the patches `eight`, `low` in the others."""
        return {t: self._grid(t, leader, low, eight) for t, leader in self.tied.items()}

    def _grid(self, t: int, leader: int, low: Mapping[int, Grid], eight: frozenset[int]) -> Grid:
        for known in (t, leader):
            if known in self.patched.origin:
                i, p = self.patched.origin[known]
                return self.recipe.grids[i] if p in eight or i not in low else low[i]
        return self.recipe.grids[leader if leader in self.recipe.grids else t]

    def constants(self) -> dict[int, np.ndarray]:
        graph, layers, out = self.patched.network.graph, load_layers(), {}
        for node in graph.nodes:
            made = self.recipe.weights.get(self.patched.made_of.get(node.index, node.index))
            if made is not None:
                _, w, bias = layers[node.op].tensors(graph.view(node))
                assert bias is not None
                out[w.id], out[bias.id] = made.real(layers[node.op].axis), made.bias
        return out

    def simulate(self, inputs: tuple[np.ndarray, ...], grids: Mapping[int, Grid]) -> np.ndarray:
        return evaluate(self.patched.network.graph, inputs, self.constants(), lambda t, x: grids[t].fake(x) if t in grids else x)[0]

    def simulate_each(self, inputs: tuple[np.ndarray, ...], low: Mapping[int, Grid], eight: np.ndarray) -> np.ndarray:
        """As `simulate`, with the class of each patch chosen input by input: eight [N,P]."""
        every = frozenset(range(self.patched.patches))
        grids8, grids_low, batch = self.grids(low, every), self.grids(low, frozenset()), 64
        out = []
        for k in range(0, len(inputs[0]), batch):
            rows = eight[k : k + batch]

            def after(t: int, x: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
                if t not in grids8:
                    return x
                wide = grids8[t].fake(x)
                if grids8[t] == grids_low[t]:
                    return wide
                keep = rows[:, self.patched.origin[t][1]].reshape(-1, *[1] * (x.ndim - 1))
                return np.where(keep, wide, grids_low[t].fake(x))

            out.append(evaluate(self.patched.network.graph, tuple(x[k : k + batch] for x in inputs), self.constants(), after)[0])
        return np.concatenate(out)

    def network(self, grids: Mapping[int, Grid], float_io: bool = False) -> Network:
        weights = {}
        for node in self.patched.network.graph.nodes:
            made = self.recipe.weights.get(self.patched.made_of.get(node.index, node.index))
            if made is not None:
                weights[node.index] = made
        return assemble(self.patched.network, self.quantised, grids, weights, float_io)

    def bit_operations(self, grids: Mapping[int, Grid], weights: Mapping[int, int] | None = None) -> int:
        """weights: bits by `Node.index` of the network's own layers, the recipe's where they are not given; what stays float32
        counts 32."""
        graph, layers = self.patched.network.graph, load_layers()
        known = self.weight_bits if weights is None else weights
        bits = {t: g.bits for t, g in grids.items()}
        for node in graph.nodes:
            own = known.get(self.patched.made_of.get(node.index, node.index))
            if own is not None and node.op in layers:
                bits[layers[node.op].tensors(graph.view(node))[1].id] = own
        return graph_bitops(graph, lambda t: bits.get(t.id, t.dtype.bits))


def prepare_patches(recipe: Recipe, end: int, rows: int, columns: int, data: Calibration, sigmas: float) -> PatchRecipe:
    """The network of a recipe with its first `end` operators in rows x columns patches. Raises UsageError."""
    made = PatchRecipe.of(recipe, unroll(recipe.prepared.network, end, rows, columns))
    graph = made.patched.network.graph
    return replace(made, seen=observe(graph, data, {t: t for t in made.patched.origin}), shares=outliers(graph, made.patched, data, sigmas))


@dataclass(frozen=True, eq=False)
class Choice:
    """eight: patches that keep 8 bits; low: grids of the maps in the others; widths: their bits, by the network's tensor."""

    settings: Settings
    eight: frozenset[int]
    widths: Mapping[int, int]
    low: Mapping[int, Grid]


def choose_patches(p: PatchRecipe, s: Settings) -> Choice:
    """QuantMCU's choice, classes by patch position."""
    eight = positions_of_outliers(p.shares, s.spread)
    return _choice(p, s, eight, frozenset(range(p.patched.patches)) - eight)


def choose_inputs(p: PatchRecipe, s: Settings) -> tuple[Choice, np.ndarray]:
    """The same with classes input by input; and [N,P] which patches of the calibration data keep 8 bits."""
    return _choice(p, s, frozenset(), frozenset(range(p.patched.patches))), inputs_of_outliers(p.shares, s.spread)


def _choice(p: PatchRecipe, s: Settings, eight: frozenset[int], others: frozenset[int]) -> Choice:
    if not others:
        return Choice(s, eight, {}, {})
    values = p.values_in(others)
    branch = branch_of(p.patched, values, p.recipe.grids, p.weight_bits)
    widths = search(branch, s)
    return Choice(s, eight, widths, p.low_grids(widths, others))
