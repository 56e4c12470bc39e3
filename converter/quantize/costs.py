"""What widths cost: bytes of weights, bytes of activations that are alive together, bit operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tinyml.ir import Graph, Tensor, hwc
from tinyml.opspec import load_ops
from tinyml.quantize.layers import load_layers
from tinyml.quantize.quantise import Prepared, Widths
from tinyml.work import graph_bitops

Live = tuple[Mapping[int, tuple[tuple[int, int], ...]], int]  # group -> (pixels, channels) of its tensors; bytes that never change


@dataclass(frozen=True)
class LayerCost:
    """index: `Node.index`. rows of K weights each; group: leader of the input's group, None where its width is not a choice."""

    index: int
    macs: int
    rows: int
    row_weights: int
    group: int | None

    def bytes(self, bits: int) -> int:
        return self.rows * -(-self.row_weights * bits // 8)


@dataclass(frozen=True, eq=False)
class Speed:
    """Instructions. base: with 8 bits everywhere. weights, activations: what a layer's weights (by `Node.index`) or a group (by leader)
    of so many bits add to them. once: what an operator adds as soon as any of several groups has fewer than 8 bits, for
    which there is another kernel then. kinds: what an operator (by `Node.index`) adds on int16 or in float32 (16 or 32)."""

    base: float
    weights: Mapping[tuple[int, int], float]
    activations: Mapping[tuple[int, int], float]
    once: tuple[tuple[frozenset[int], float], ...] = ()
    kinds: Mapping[tuple[int, int], float] = field(default_factory=dict)

    def instructions(self, w: Widths) -> float:
        more = sum(self.weights.get(at, 0.0) for at in w.weights.items()) + sum(
            self.activations.get(at, 0.0) for at in w.activations.items()
        )
        return self.base + more + sum(n for groups, n in self.once if any(w.activations.get(g, 8) < 8 for g in groups))

    def scaled(self, factor: float) -> Speed:
        """With every figure times `factor`: what a measurement of the 8-bit network says of the estimates."""
        return replace(self.dearer(factor), base=factor * self.base)

    def dearer(self, factor: float) -> Speed:
        """With what widths add times `factor`."""
        weights, activations, kinds = ({at: factor * v for at, v in each.items()} for each in (self.weights, self.activations, self.kinds))
        return Speed(self.base, weights, activations, tuple((groups, factor * n) for groups, n in self.once), kinds)


@dataclass(frozen=True, eq=False)
class Costs:
    prepared: Prepared
    layers: tuple[LayerCost, ...]
    groups: tuple[int, ...]  # whose width is a choice, by leader
    steps: tuple[Live, ...]  # what is alive while each operator runs, layer by layer
    speed: Speed | None = None  # where instructions matter

    def weight_bytes(self, w: Widths) -> int:
        return sum(layer.bytes(w.weights.get(layer.index, 8)) for layer in self.layers)

    def bitops(self, w: Widths) -> int:
        return graph_bitops(self.prepared.graph, self.prepared.bits_at(w))

    def instructions(self, w: Widths) -> float:
        return 0.0 if self.speed is None else self.speed.instructions(w)

    def peak_bytes(self, w: Widths) -> int:
        return max(rest + sum(packed_bytes(t, w.activations.get(g, 8)) for g, t in live.items()) for live, rest in self.steps)


def packed_bytes(tensors: tuple[tuple[int, int], ...], bits: int) -> int:
    """Of tensors of (pixels, channels): each pixel begins at a whole byte."""
    return sum(pixels * -(-channels * bits // 8) for pixels, channels in tensors)


def costs_of(p: Prepared, speed: Speed | None = None) -> Costs:
    graph, specs, choosable = p.graph, load_ops(), set(p.free_groups)
    layers = []
    for node in graph.nodes:
        if node.index in p.layer_nodes:
            view = graph.view(node)
            layer = load_layers()[node.op]
            x, w, _ = layer.tensors(view)
            rows = w.shape[layer.axis]
            group = p.tied[x.id] if p.tied[x.id] in choosable else None
            layers.append(LayerCost(node.index, specs[node.op].macs(view), rows, w.elements // rows, group))
    steps = tuple(_live(p, graph, k, choosable) for k in range(len(graph.nodes)))
    return Costs(p, tuple(layers), p.free_groups, steps, speed)


def _live(p: Prepared, graph: Graph, k: int, choosable: set[int]) -> Live:
    """What operator k finds or makes: tensors born before it and read by it or later. A view costs no second copy."""
    last = {t: max((*graph.consumers.get(t, ()), len(graph.nodes) if t in graph.outputs else -1)) for t in graph.tensors}
    live: dict[int, list[tuple[int, int]]] = {}
    rest = 0
    for t in (*graph.inputs, *(y for n in graph.nodes for y in n.outputs)):
        tensor = graph.tensors[t]
        if graph.producer.get(t, -1) <= k <= last[t] and not is_view(graph, t):
            leader = p.tied.get(t)
            if leader in choosable:
                live.setdefault(leader, []).append(extent(tensor))  # type: ignore[arg-type]
            else:
                rest += tensor.elements * (1 if leader is not None else tensor.dtype.bytes)
    return {g: tuple(ts) for g, ts in live.items()}, rest


def is_view(graph: Graph, t: int) -> bool:
    k = graph.producer.get(t)
    return k is not None and load_ops()[graph.nodes[k].op].view(graph.view(graph.nodes[k])) is not None


def extent(t: Tensor) -> tuple[int, int]:
    h, w, c = hwc(t.shape)
    return h * w, c
