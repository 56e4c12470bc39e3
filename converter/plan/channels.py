"""A second pass over part of the channels: some channels of a tensor stay from its first computation to its last reader, the others
are only averaged in the first pass and computed again in front of that reader.

What makes a tensor channel by channel (a depthwise window, and the expansion in front of it) is split at compile time into two
groups with a part of the weights each. All is done by rewriting the graph, so that the stages, the kernels and the checker see
ordinary operators:

    kept group:      expand, window, average                                       (the window's result stays)
    repeated group:  expand, window, average ... [gate] ... expand, window
    both averages joined; kept and repeated channels joined row by row in front of the last reader

Splitting by output channel changes no accumulator, so every output stays bit-identical.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.ir import DType, Graph, Node, Tensor, hwc
from tinyml.ops.concatenation import joined
from tinyml.opspec import ChannelRules, load_ops

STEP = 4  # kernels read channels in fours


@dataclass(frozen=True)
class Split:
    """What of a tensor [1,H,W,C] can be computed twice for some channels alone. `nodes` make it (positions in order, the last one
    writes it); `averages`: for each of its readers but the last one, the nodes from there on that work on each channel by itself."""

    nodes: tuple[int, ...]
    averages: tuple[tuple[int, ...], ...]
    again: int
    channels: int

    def mask(self, lo: int, hi: int) -> np.ndarray:
        """bool [C], True for channels lo..hi-1."""
        return (np.arange(self.channels) >= lo) & (np.arange(self.channels) < hi)


def rules_of(graph: Graph, k: int) -> ChannelRules | None:
    """Of a node whose data are int8."""
    if any(graph.tensors[t].dtype is not DType.INT8 for t in (graph.nodes[k].inputs[0], *graph.nodes[k].outputs) if t is not None):
        return None
    return load_ops()[graph.nodes[k].op].channels(graph.view(graph.nodes[k]))


def split_of(graph: Graph, nodes: tuple[int, ...], again: int) -> Split | None:
    """How the tensor that `nodes` make is split; None where its channels depend on each other, or where its first readers
    make more of it than one pixel."""
    rules = [rules_of(graph, k) for k in nodes]
    if None in rules or any(not r.per_channel for r in rules[1:] if r) or (rules[0] and rules[0].per_channel):
        return None
    out = graph.nodes[nodes[-1]].outputs[0]
    first, every = graph.view(graph.nodes[nodes[0]]), np.ones(graph.tensors[out].shape[-1], bool)
    if not rules[0] or not rules[0].without_outputs(first, every)[1]:
        return None  # its outputs are made together
    chains = [_average(graph, k, out) for k in graph.consumers[out] if k != again]
    if None in chains:
        return None
    return Split(nodes, tuple(c for c in chains if c), again, graph.tensors[out].shape[-1])


def _average(graph: Graph, k: int, t: int) -> tuple[int, ...] | None:
    """The nodes from k on that reduce t to one pixel, channel by channel, each read by the next one alone."""
    out: list[int] = []
    while True:
        node, rules = graph.nodes[k], rules_of(graph, k)
        if rules is None or not rules.per_channel or node.inputs[0] != t or node.inputs.count(t) != 1:
            return None
        out.append(k)
        t = node.outputs[0]
        if hwc(graph.tensors[t].shape)[:2] == (1, 1):
            return tuple(out)
        readers = graph.consumers.get(t, ())
        if len(readers) != 1 or t in graph.outputs:
            return None
        k = readers[0]


@dataclass
class Rewrite:
    """Nodes and tensors of a graph that is being rewritten."""

    graph: Graph
    tensors: dict[int, Tensor] = field(init=False)
    fresh: int = field(init=False)

    def __post_init__(self) -> None:
        self.tensors, self.fresh = dict(self.graph.tensors), self.graph.fresh_id()

    def add(self, t: Tensor) -> int:
        self.tensors[self.fresh] = replace(t, id=self.fresh)
        self.fresh += 1
        return self.fresh - 1

    def copies(self, nodes: tuple[int, ...]) -> list[Node]:
        """The nodes, each but the first one reading what the one before it writes, with outputs of their own."""
        inside: dict[int, int] = {}
        out = []
        for k in nodes:
            node = self.graph.nodes[k]
            ins = tuple(t if t is None else inside.get(t, t) for t in node.inputs)
            inside[node.outputs[0]] = self.add(self.graph.tensors[node.outputs[0]])
            out.append(replace(node, inputs=ins, outputs=(inside[node.outputs[0]],)))
        return out

    def part(self, k: int, keep: np.ndarray, renamed: dict[int, int], operands: dict[int, dict[int, int]]) -> Node:
        """Node k for the channels in the mask `keep`, its inputs `renamed`; its own output is renamed too. operands: constants of
        these channels, by node and position, made once."""
        node, rules = self.graph.nodes[k], rules_of(self.graph, k)
        assert rules is not None
        attrs, constants = rules.without_outputs(self.graph.view(node), keep)
        if k not in operands:
            operands[k] = {p: self.add(t) for p, t in constants.items()}
        (out,) = node.outputs
        old = self.graph.tensors[out]
        ins = [t if t is None else renamed.get(t, t) for t in node.inputs]
        for p, t in operands[k].items():
            ins[p] = t
        renamed[out] = self.add(replace(old, shape=(*old.shape[:-1], int(keep.sum()))))
        return replace(node, inputs=tuple(ins), outputs=(renamed[out],), attrs=attrs)

    def split(self, s: Split, repeated: int, groups: int) -> tuple[list[Node], list[Node]]:
        """What stands for `s.nodes` (and for `s.averages`, where any channel is repeated), and what runs in front of the last
        reader. The last `repeated` channels are computed again, the others in so many groups one after the other."""
        (out,) = self.graph.nodes[s.nodes[-1]].outputs
        averages = tuple(k for c in s.averages for k in c)
        kept, names = s.channels - repeated, {}
        first: list[Node] = []
        parts = []
        for lo, hi in _groups(kept, groups):
            names = {}
            first += [self.part(k, s.mask(lo, hi), names, {}) for k in s.nodes]
            parts.append(names[out])
        if len(parts) > 1:
            old = self.graph.tensors[out]
            names = {out: out if not repeated else self.add(replace(old, shape=(*old.shape[:-1], kept)))}
            first.append(self._joined(tuple(parts), s.nodes[-1], names[out], in_place=True))
        if not repeated:
            return first, []
        first += [self.part(k, s.mask(0, kept), names, {}) for k in averages]
        again, constants = {}, {}
        first += [self.part(k, s.mask(kept, s.channels), again, constants) for k in (*s.nodes, *averages)]
        for chain in s.averages:
            (average,) = self.graph.nodes[chain[-1]].outputs
            first.append(self._joined((names[average], again[average]), chain[-1], average))
        again = {}
        second = [self.part(k, s.mask(kept, s.channels), again, constants) for k in s.nodes]
        second.append(self._joined((names[out], again[out]), s.nodes[-1], out))
        return first, second

    def _joined(self, parts: tuple[int, ...], k: int, out: int, in_place: bool = False) -> Node:
        return joined(parts, out, len(self.tensors[out].shape) - 1, self.graph.nodes[k].index, in_place)


def _groups(channels: int, groups: int) -> list[tuple[int, int]]:
    """Ranges of nearly the same size, multiples of STEP but for the last one."""
    size = -(-channels // (groups * STEP)) * STEP
    return [(lo, min(lo + size, channels)) for lo in range(0, channels, size)]
