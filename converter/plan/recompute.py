"""Rematerialisation: computing a tensor a second time instead of keeping it from its first readers to its last.

The case that pays on real networks is squeeze-and-excite: the average over a large tensor is needed before the tensor itself
can be scaled. With the window that makes it (and the expansion in front of that) computed twice, both passes stream, and the
tensor never exists as a whole. The idea is Moccasin's (Bartan et al., 2023); what is recomputed is found by trying, since
the search for stages says at once what it brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinyml.ir import Graph, Node
from tinyml.opspec import load_ops
from tinyml.passes.verify import verify
from tinyml.plan.rows import RowNode, row_node
from tinyml.plan.schedule import last_reads


@dataclass(frozen=True)
class Repeat:
    """Nodes (positions, in order; the last one makes the tensor) that run again in front of node `again`. Sizes in bytes."""

    nodes: tuple[int, ...]
    again: int
    size_bytes: int
    macs: int


def repeats(graph: Graph) -> tuple[Repeat, ...]:
    """What may be computed twice, all of it together, the largest tensors first: windows with one input, or two of them in a
    row, whose source lives as long as the tensor or is smaller."""
    rows = {k: n for k in range(len(graph.nodes)) if (n := row_node(graph, k)) and len(n.reads) == 1 and n.reads[0].window}
    last, specs = last_reads(graph), load_ops()
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
            macs = sum(specs[graph.nodes[i].op].macs(graph.view(graph.nodes[i])) for i in nodes)
            out.append(Repeat(nodes, readers[-1], size, macs))
    apart: list[Repeat] = []
    for r in sorted(out, key=lambda r: (-r.size_bytes, r.nodes)):
        if all(_apart(graph, r, other) for other in apart):
            apart.append(r)
    return tuple(apart)


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


def choices(graph: Graph, extra_macs: int) -> Iterator[tuple[Graph, int]]:
    """The graph with everything repeated that is as large as the first tensor that may be, the second, and so on, as long as
    extra_macs allow; and how many multiply-accumulates that adds."""
    found = repeats(graph)
    for size in sorted({r.size_bytes for r in found}, reverse=True):
        chosen = [r for r in found if r.size_bytes >= size]
        macs = sum(r.macs for r in chosen)
        if macs > extra_macs:
            return
        yield repeated(graph, chosen), macs


def repeated(graph: Graph, chosen: Sequence[Repeat]) -> Graph:
    """The graph in which the first readers of each tensor get a copy, made by copies of its nodes; the nodes themselves move
    in front of the last reader."""
    tensors, fresh = dict(graph.tensors), graph.fresh_id()
    copies: dict[int, Node] = {}  # position -> the copy that runs there
    moved: dict[int, list[int]] = {}  # position of the last reader -> nodes that run in front of it
    renamed: dict[tuple[int, int], int] = {}  # (reader, tensor) -> copy
    for r in chosen:
        inside: dict[int, int] = {}
        for k in r.nodes:
            node = graph.nodes[k]
            (out,) = node.outputs
            tensors[fresh] = replace(tensors[out], id=fresh)
            inside[out] = fresh
            copies[k] = replace(node, inputs=tuple(t if t is None else inside.get(t, t) for t in node.inputs), outputs=(fresh,))
            fresh += 1
        moved.setdefault(r.again, []).extend(r.nodes)
        out = graph.nodes[r.nodes[-1]].outputs[0]
        renamed.update(((k, out), inside[out]) for k in graph.consumers[out] if k != r.again)
    nodes: list[Node] = []
    for k, node in enumerate(graph.nodes):
        nodes += [graph.nodes[m] for m in moved.get(k, ())]
        if k in copies:
            nodes.append(copies[k])
        else:
            nodes.append(replace(node, inputs=tuple(t if t is None else renamed.get((k, t), t) for t in node.inputs)))
    out_graph = graph.with_(tensors=tensors, nodes=tuple(nodes))
    verify(out_graph, "recompute")
    return out_graph
