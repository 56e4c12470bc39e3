"""Streams that the search has worked out before: graphs that differ in a few operators share most of their stages.

A stage's stream follows from what its operators read and write row by row, not from where they stand in their graph. So it is
kept under names for just that, and found again in the next graph.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from tinyml.ir import Graph
from tinyml.plan.rows import RowNode
from tinyml.plan.stream import Stream, stream


@dataclass(frozen=True)
class Flow:
    """What the search wants to know of a Stream; events: how many of them."""

    events: int
    rings: dict[int, int]
    gaps: dict[tuple[int, int], int]
    inner: frozenset[int]

    @staticmethod
    def of(s: Stream) -> Flow:
        return Flow(len(s.order), s.rings, s.gaps, frozenset(s.inner))


@dataclass
class Flows:
    """Flows by all that `stream` looks at."""

    _names: dict[Hashable, int] = field(default_factory=dict)
    _of_node: dict[int, tuple[RowNode, int]] = field(default_factory=dict)  # by the object's identity, kept alive
    _found: dict[tuple[Hashable, ...], Flow] = field(default_factory=dict)

    def flow(self, graph: Graph, nodes: Sequence[RowNode], outputs: Sequence[int], dying: Sequence[int]) -> Flow:
        """As `stream`."""
        key = (tuple(self._name(graph, n) for n in nodes), tuple(outputs), tuple(dying))
        if key not in self._found:
            self._found[key] = Flow.of(stream(graph, nodes, outputs, dying))
        return self._found[key]

    def _name(self, graph: Graph, n: RowNode) -> int:
        if id(n) not in self._of_node:
            self._of_node[id(n)] = n, self._names.setdefault(_described(graph, n), len(self._names))
        return self._of_node[id(n)][1]


def _described(graph: Graph, n: RowNode) -> Hashable:
    """All that `stream` looks at in one node. Tensor ids say which node reads what another one writes."""
    tensors = [graph.tensors[t] for t in (n.out, *(r.tensor for r in n.reads))]
    facts = tuple((t.stored, t.dtype, len(graph.consumers.get(t.id, ()))) for t in tensors)
    op = graph.nodes[n.node].op if n.node >= 0 else ""
    return op, n.kind, n.events, n.reads, n.out, n.pixels, facts, tuple(_described(graph, p) for p in n.before)
