"""A float network and calibration data in, a quantised network out: the steps in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.ir import Graph, Tensor
from tinyml.quantize.assemble import Refused, assemble
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.fold import fold
from tinyml.quantize.global_pool import widen_global_pools
from tinyml.quantize.grid import Grid, Histogram
from tinyml.quantize.layers import load_layers
from tinyml.quantize.network import Network
from tinyml.quantize.ranges import choose_grids, fixed_ranges, observe, quantised_nodes, tied_tensors
from tinyml.quantize.refine import refine_grids
from tinyml.quantize.sequential import BEST, LayerWeights, Method, quantise_layers

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A rewritten float network and what was seen of its activations. quantised: `Node.index` of the operators on integers;
    tied: activation -> leader of its group; seen, fixed: by leader."""

    network: Network
    data: Calibration
    quantised: frozenset[int]
    tied: Mapping[int, int]
    seen: Mapping[int, Histogram]
    fixed: Mapping[int, Grid]

    @property
    def graph(self) -> Graph:
        return self.network.graph

    @property
    def layer_nodes(self) -> tuple[int, ...]:
        """`Node.index` of the quantised layers with weights, in order."""
        return tuple(n.index for n in self.graph.nodes if n.index in self.quantised and n.op in load_layers())

    @property
    def free_groups(self) -> tuple[int, ...]:
        """Groups of activations whose width can be chosen, by leader: not prescribed, not the network's input or output."""
        ends = {self.tied[t] for t in (*self.graph.inputs, *self.graph.outputs) if t in self.tied}
        return tuple(g for g in dict.fromkeys(self.tied.values()) if g not in self.fixed and g not in ends)

    def bits_at(self, w: Widths) -> Callable[[Tensor], int]:
        """Bits of a tensor of the graph where widths are these: of layers' weights and of activations, of others as they are."""
        graph, layers, bits = self.graph, load_layers(), {t: w.activations.get(leader, 8) for t, leader in self.tied.items()}
        for node in graph.nodes:
            if node.index in self.quantised and node.op in layers:
                bits[layers[node.op].tensors(graph.view(node))[1].id] = w.weights.get(node.index, 8)
        return lambda t: bits.get(t.id, t.dtype.bits)


@dataclass(frozen=True, eq=False)
class Widths:
    """Bits of the weights of a layer, by `Node.index`, and of a group of activations, by leader; 8 where one is missing. wide: operators
    on int16, by `Node.index`: what lies between these alone has 16 bits."""

    weights: Mapping[int, int] = field(default_factory=dict)
    activations: Mapping[int, int] = field(default_factory=dict)
    wide: frozenset[int] = frozenset()


EIGHT = Widths()


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a prepared network becomes."""

    prepared: Prepared
    grids: Mapping[int, Grid]
    weights: Mapping[int, LayerWeights]
    wide: frozenset[int] = frozenset()

    def simulate(self, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
        """Output 0 of the quantised network, in float arithmetic: what the integer kernels give but for a rounding here and there."""
        graph, layers = self.prepared.graph, load_layers()
        constants: dict[int, np.ndarray] = {}
        for node in graph.nodes:
            if node.index in self.weights:
                _, w, bias = layers[node.op].tensors(graph.view(node))
                assert bias is not None
                constants[w.id] = self.weights[node.index].real(layers[node.op].axis)
                constants[bias.id] = self.weights[node.index].bias
        return evaluate(graph, inputs, constants, lambda t, x: self.grids[t].fake(x) if t in self.grids else x)[0]

    def network(self, float_io: bool = False) -> Network:
        """On integers. Raises Refused."""
        return assemble(self.prepared.network, self.prepared.quantised, self.grids, self.weights, float_io, self.wide)


def prepare(
    network: Network, data: Calibration, refused: frozenset[int] = frozenset(), progress: Progress = lambda text: None, dtype: str = "int8"
) -> Prepared:
    """Rewrites the float network and looks at its activations. refused: operators that have to stay float32. dtype: which kernels the
    others must have."""
    progress("rewriting the network")
    network = widen_global_pools(fold(network))
    graph = network.graph
    quantised = quantised_nodes(graph, refused, dtype)
    tied = tied_tensors(graph, quantised)
    progress("observing activations")
    return Prepared(network, data, quantised, tied, observe(graph, data, tied), fixed_ranges(graph, quantised, tied))


def choose(p: Prepared, widths: Widths = EIGHT, seed: int = 0, method: Method = BEST, progress: Progress = lambda text: None) -> Recipe:
    """Ranges and rounded weights for these widths."""
    progress("choosing ranges")
    sixteen = wide_groups(p, widths.wide)
    fixed = {**p.fixed, **{g: grid for g, grid in fixed_ranges(p.graph, p.quantised, p.tied, wide=True).items() if g in sixteen}}
    frozen = frozenset(fixed) | sixteen | {p.tied[t] for t in p.graph.inputs if t in p.tied}
    activations = {**widths.activations, **dict.fromkeys(sixteen, 16)}
    grids = refine_grids(p.graph, choose_grids(p.graph, p.tied, p.seen, fixed, activations), p.tied, frozen, p.data, progress)
    bits = {k: widths.weights.get(k, 8) for k in p.layer_nodes}
    return Recipe(p, grids, quantise_layers(p.graph, grids, bits, p.data, seed, method, progress), widths.wide)


def wide_groups(p: Prepared, wide: frozenset[int]) -> frozenset[int]:
    """Groups of activations, by leader, of which no operator on int8 reads or writes one. A network's inputs and outputs are of 16 bits
    only where all of it is."""
    found = set(p.tied.values())
    for node in p.graph.nodes:
        if node.index in p.quantised - wide:
            found -= {p.tied[t] for t in (*node.inputs, *node.outputs) if t in p.tied}
    if not p.quantised <= wide:
        found -= {p.tied[t] for t in (*p.graph.inputs, *p.graph.outputs) if t in p.tied}
    return frozenset(found)


def quantise(
    network: Network, data: Calibration, widths: Widths = EIGHT, seed: int = 0, float_io: bool = False,
    method: Method = BEST, progress: Progress = lambda text: None, dtype: str = "int8", refused: frozenset[int] = frozenset(),
) -> tuple[Recipe, Network]:  # fmt: skip
    """What was chosen, and the network on integers. An operator that turns out not to be buildable on integers becomes an island
    of float32, as those in `refused` are. dtype: of activations, int8 or int16; int16 takes all of the network."""
    while True:
        prepared = prepare(network, data, refused, progress, dtype)
        if dtype == "int16":
            widths = replace(widths, wide=prepared.quantised)
        recipe = choose(prepared, widths, seed, method, progress)
        try:
            return recipe, recipe.network(float_io)
        except Refused as why:
            if why.nodes <= refused:
                raise
            refused |= why.nodes


def top1(outputs: np.ndarray, labels: np.ndarray) -> int:
    """How many samples have their largest output at the label."""
    return int((outputs.reshape(len(outputs), -1).argmax(1) == labels).sum())
