"""Two nodes as one, where an operator says that it is both (OpSpec.join) and the target has a kernel for it: what lies between them
then exists for a few pixels at a time, in the kernel's scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinyml.ir import Graph, Node, hwc
from tinyml.opspec import Geom, Lowering, load_ops
from tinyml.passes.verify import verify
from tinyml.plan.model import Target
from tinyml.variants import load_variants


@dataclass(frozen=True)
class Pair:
    """Nodes (positions) that `node` can stand for: the second one is the only reader of the first."""

    first: int
    second: int
    node: Node


def pairs(graph: Graph, target: Target) -> tuple[Pair, ...]:
    """What can be joined, no node twice."""
    makers = [(name, s.join) for name, s in sorted(load_ops().items()) if s.join]
    out: list[Pair] = []
    taken: set[int] = set()
    for k, node in enumerate(graph.nodes):
        t = node.outputs[0]
        if k in taken or len(node.outputs) != 1 or t in graph.outputs or len(graph.consumers.get(t, ())) != 1:
            continue
        (reader,) = graph.consumers[t]
        for name, join in makers:
            both = join(graph.view(node), graph.view(graph.nodes[reader]))
            if both is not None and _runs(graph, name, both, target):
                out.append(Pair(k, reader, both))
                taken |= {k, reader}
                break
    return tuple(out)


def joined(graph: Graph, chosen: Sequence[Pair]) -> Graph:
    """The graph with these pairs joined, each where its second node stands."""
    nodes: dict[int, Node] = dict(enumerate(graph.nodes))
    tensors = dict(graph.tensors)
    for p in chosen:
        del nodes[p.first], tensors[graph.nodes[p.first].outputs[0]]
        nodes[p.second] = p.node
    out = graph.with_(tensors=tensors, nodes=tuple(n for _, n in sorted(nodes.items())))
    verify(out, "join")
    return out


def best_joined(graph: Graph, found: Sequence[Pair], height: Callable[[Graph], int]) -> Graph:
    """The graph with those pairs joined of which each makes it lower than it was with the ones before."""
    best, least = graph, height(graph)
    chosen: tuple[Pair, ...] = ()
    for p in found:
        more = joined(graph, (*chosen, p))
        if (h := height(more)) < least:
            best, least, chosen = more, h, (*chosen, p)
    return best


def _runs(graph: Graph, name: str, node: Node, target: Target) -> bool:
    view = graph.view(node)
    geoms = {t.id: Geom.dense(*hwc(t.shape)) for t in (*view.inputs, *view.outputs) if t is not None}
    low = Lowering(geoms, target.isa, target.optimize, 1, target.scratch_bytes, target.without)
    return any(v.isa <= target.isa and f"tm_{v.name}" not in target.without and v.applies(view, low) for v in load_variants().get(name, ()))
