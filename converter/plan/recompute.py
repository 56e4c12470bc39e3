"""Rematerialisation: computing a tensor a second time instead of keeping it from its first readers to its last.

The case that pays on real networks is squeeze-and-excite: the average over a large tensor is needed before the tensor itself
can be scaled. With the window that makes it (and the expansion in front of that) computed twice, both passes stream, and the
tensor never exists as a whole; or part of its channels does, and only the others are computed twice (`channels`). The idea is
Moccasin's (Bartan et al., 2023). How much of which tensor follows from a peak that is aimed at: as little as reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinyml.ir import Graph, Node, hwc
from tinyml.opspec import load_ops
from tinyml.passes.verify import verify
from tinyml.plan.channels import Rewrite, Split, split_of
from tinyml.plan.rows import RowNode, row_node
from tinyml.plan.schedule import last_reads

PAIR = 2  # kernels compute channels in pairs
GROUPS = (1, 2, 4, 8)  # of channels that are made one group after the other


@dataclass(frozen=True)
class Repeat:
    """Nodes (positions, in order; the last one makes the tensor) that run again in front of node `again`.

    Bytes, all of it together: the tensor, its source, one row of it, the rows between the two nodes. rest_bytes: what else is
    alive from the first node to the last reader. source_stays: is read after the nodes as well. macs: those of the nodes."""

    nodes: tuple[int, ...]
    again: int
    channels: int
    size_bytes: int
    source_bytes: int
    row_bytes: int
    ring_bytes: int
    rest_bytes: int
    source_stays: bool
    macs: int
    split: Split | None  # None: only all of it

    def first_peak(self, channels: int, groups: int) -> int:
        """Estimated bytes of the first pass, of which so many channels are repeated and the others made in so many groups."""
        kept = self.size_bytes * (self.channels - channels) // self.channels
        ring = self.ring_bytes * max(-(-(self.channels - channels) // groups), channels) // self.channels
        alone = channels == 0 and groups == 1 and not self.source_stays  # then the tensor grows into what its source leaves
        return self.rest_bytes + ring + (max(self.source_bytes, kept) if alone else self.source_bytes + kept)

    def last_peak(self, channels: int) -> int:
        """Estimated bytes while the last reader runs."""
        kept = self.size_bytes * (self.channels - channels) // self.channels
        source = self.source_bytes if channels or self.source_stays else 0
        ring = self.ring_bytes * channels // self.channels
        return self.rest_bytes + source + kept + ring + (self.row_bytes if channels else 0)


@dataclass(frozen=True)
class Choice:
    """So many channels of a tensor computed twice (fewer than all only where it has a split), the others in `groups`."""

    repeat: Repeat
    channels: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """How many more the graph has."""
        return self.repeat.macs * self.channels // self.repeat.channels


def repeats(graph: Graph) -> tuple[Repeat, ...]:
    """What may be computed twice, all of it together, the largest tensors first: windows with one input, or two of them in a
    row, whose source lives as long as the tensor or is smaller."""
    rows = {k: n for k in range(len(graph.nodes)) if (n := row_node(graph, k)) and len(n.reads) == 1 and n.reads[0].window}
    last = last_reads(graph)
    out = []
    for k, n in rows.items():
        readers = graph.consumers.get(n.out, ())
        if len(readers) < 2 or n.out in graph.outputs:
            continue
        before = _maker(graph, rows, n)
        nodes = (before.node, k) if before else (k,)
        source = rows[nodes[0]].reads[0].tensor
        size = graph.tensors[n.out].bytes
        if last[source] >= readers[-1] or graph.tensors[source].bytes < size:
            out.append(_repeat(graph, nodes, rows[nodes[0]].reads[0].tensor, readers[-1], last))
    apart: list[Repeat] = []
    for r in sorted(out, key=lambda r: (-r.size_bytes, r.nodes)):
        if all(_apart(graph, r, other) for other in apart):
            apart.append(r)
    return tuple(apart)


def _repeat(graph: Graph, nodes: tuple[int, ...], source: int, again: int, last: dict[int, int]) -> Repeat:
    specs, out = load_ops(), graph.tensors[graph.nodes[nodes[-1]].outputs[0]]
    own = {source, *(t for k in nodes for t in graph.nodes[k].outputs)}
    born = {**dict.fromkeys(graph.inputs, -1), **graph.producer}
    rest = sum(graph.tensors[t].bytes for t, k in born.items() if k < nodes[0] and last.get(t, -1) >= again and t not in own)
    ring = 0
    if len(nodes) > 1:
        reader, between = row_node(graph, nodes[-1]), graph.tensors[graph.nodes[nodes[0]].outputs[0]]
        assert reader is not None
        rows = max(hi - lo for lo, hi in zip(reader.reads[0].lo, reader.reads[0].hi, strict=True))
        ring = between.bytes // hwc(between.shape)[0] * rows
    return Repeat(
        nodes, again, out.shape[-1], out.bytes, graph.tensors[source].bytes, out.bytes // hwc(out.shape)[0], ring, rest,
        last[source] > nodes[0], sum(specs[graph.nodes[k].op].macs(graph.view(graph.nodes[k])) for k in nodes),
        split_of(graph, nodes, again),
    )  # fmt: skip


def _apart(graph: Graph, a: Repeat, b: Repeat) -> bool:
    """Neither runs again what the other does, or reads it."""

    def touched(r: Repeat) -> set[int]:
        sources = (t for k in r.nodes for t in graph.nodes[k].inputs if t is not None)
        return {*r.nodes, *(graph.producer[t] for t in sources if t in graph.producer)}

    return not (touched(a) & set(b.nodes) or touched(b) & set(a.nodes))


def _maker(graph: Graph, rows: dict[int, RowNode], n: RowNode) -> RowNode | None:
    """The window that makes n's input for n alone."""
    source = n.reads[0].tensor
    maker = rows.get(graph.producer.get(source, -1))
    return maker if maker and graph.consumers[source] == (n.node,) and source not in graph.outputs else None


def choices(found: Sequence[Repeat], peak: int) -> tuple[Choice, ...]:
    """As little computed twice as keeps each of the tensors' lives within `peak` bytes, by estimate; all of it where nothing
    does. Tensors that stay as they are are left out."""
    return tuple(c for r in found if (c := _choice(r, peak)).channels or c.groups > 1)


def _choice(r: Repeat, peak: int) -> Choice:
    parts = range(0, r.channels, PAIR) if r.split else (0,)
    for channels in parts:
        if r.last_peak(channels) <= peak:
            for groups in GROUPS if r.split else (1,):
                if r.first_peak(channels, groups) <= peak:
                    return Choice(r, channels, groups)
    return Choice(r, r.channels)


def least_peak(found: Sequence[Repeat], extra_macs: int) -> int:
    """The smallest peak, by estimate, for which what `choices` takes adds no more than extra_macs multiply-accumulates."""
    low, high = 0, max((max(r.first_peak(0, 1), r.last_peak(0)) for r in found), default=0)
    while low < high:
        middle = (low + high) // 2
        if sum(c.macs for c in choices(found, middle)) <= extra_macs:
            high = middle
        else:
            low = middle + 1
    return high


def repeated(graph: Graph, chosen: Sequence[Choice]) -> Graph:
    """The graph in which everything chosen is computed twice. Where that is all of a tensor, its first readers get a copy, made
    by copies of its nodes; the nodes themselves move in front of the last reader."""
    work = Rewrite(graph)
    instead: dict[int, list[Node]] = {}  # position -> what runs there
    before: dict[int, list[Node]] = {}  # position of the last reader -> what runs in front of it
    renamed: dict[tuple[int, int], int] = {}  # (reader, tensor) -> copy
    for c in chosen:
        r, out = c.repeat, graph.nodes[c.repeat.nodes[-1]].outputs[0]
        if r.split is not None and c.channels < r.split.channels:
            first, second = work.split(r.split, c.channels, c.groups)
            instead.update((k, []) for k in (*r.nodes, *(k for a in r.split.averages for k in a if c.channels)))
            instead[r.nodes[-1]] = first
        else:
            second, copies = [graph.nodes[k] for k in r.nodes], work.copies(r.nodes)
            instead.update((k, [node]) for k, node in zip(r.nodes, copies, strict=True))
            renamed.update(((k, out), copies[-1].outputs[0]) for k in graph.consumers[out] if k != r.again)
        before.setdefault(r.again, []).extend(second)
    nodes: list[Node] = []
    for k, node in enumerate(graph.nodes):
        nodes += before.get(k, ())
        if k in instead:
            nodes += instead[k]
        else:
            nodes.append(replace(node, inputs=tuple(t if t is None else renamed.get((k, t), t) for t in node.inputs)))
    out_graph = graph.with_(tensors=work.tensors, nodes=tuple(nodes))
    verify(out_graph, "recompute")
    return out_graph
