"""Ways to fuse a graph that do not depend on what the planner finds worth it."""

from __future__ import annotations

from tinyml.ir import Graph
from tinyml.plan.model import Plan, Target
from tinyml.plan.planner import plan_of
from tinyml.plan.rows import chain, pushed_input, row_node
from tinyml.plan.schedule import Fusion, last_reads, make_schedule, stage_tiles
from tinyml.plan.tiles import PATCHES, STRIPS, Tiling


def longest_stages(graph: Graph, least: int = 2) -> tuple[Fusion, ...]:
    """Every run of `least` or more operators that can go row by row, as one stage."""
    out, first = [], 0
    for k in range(len(graph.nodes) + 1):
        if k == len(graph.nodes) or row_node(graph, k) is None:
            if k - first >= least:
                out.append(Fusion(first, k))
            first = k + 1
    return tuple(out)


def pushed(graph: Graph) -> Plan | None:
    """The checked plan whose input comes row by row, as many operators as possible streaming behind it; None where the
    network can not take it so."""
    caller, stages = pushed_input(graph), longest_stages(graph, 1)
    if caller is None or not stages or stages[0].first != 0 or last_reads(graph)[caller.out] >= stages[0].end:
        return None
    return plan_of(graph, make_schedule(graph, Target(), in_place=False, stages=stages, overlap=True, pushed=caller))


def chained(graph: Graph, links: int) -> Plan | None:
    """As `streamed`, with runs of up to `links` operators going block by block wherever that is possible."""
    stages = []
    for s in longest_stages(graph):
        groups, k = [], s.first
        while k < s.end:
            fitting = [n for n in range(links, 1, -1) if k + n <= s.end and _chain(graph, k, n)]
            n = fitting[0] if fitting else 1
            groups += [tuple(range(k, k + n))] if n > 1 else []
            k += n
        stages.append(s._replace(chains=tuple(groups), pixels=8 if links == 2 else 3))
    if not any(s.chains for s in stages):
        return None
    return plan_of(graph, make_schedule(graph, Target(), in_place=False, stages=stages, overlap=True))


def _chain(graph: Graph, first: int, n: int) -> bool:
    parts = [row_node(graph, k) for k in range(first, first + n)]
    return None not in parts and chain(graph, parts, 8) is not None  # type: ignore[arg-type]


def streamed(graph: Graph, views: bool = True) -> Plan | None:
    """The checked plan with the longest stages; None where nothing can be fused."""
    stages = longest_stages(graph)
    if not stages:
        return None
    return plan_of(graph, make_schedule(graph, Target(), views, in_place=False, stages=stages, overlap=True))


def tiled_stages(graph: Graph, tiling: Tiling, first: int = 0) -> tuple[Fusion, ...]:
    """From each operator on, beginning with `first`, the longest run that can go in such tiles, or, where not even one operator
    can, in a grid of one row or one column."""
    out, last = [], last_reads(graph)
    ways = dict.fromkeys(t for t in (tiling, tiling._replace(rows=1), tiling._replace(columns=1)) if t.rows * t.columns > 1)
    while first < len(graph.nodes):
        fitting = [
            s for t in ways for end in range(len(graph.nodes), first, -1) if stage_tiles(graph, s := Fusion(first, end, tiling=t), last)
        ]
        out += fitting[:1]
        first = fitting[0].end if fitting else first + 1
    return tuple(out)


def tiled(graph: Graph, mode: str, seed: int) -> Plan | None:
    """The checked plan with as much in tiles as possible, the grid by `seed`; None where nothing can be."""
    grids = ((2, 2), (1, 3), (3, 1), (4, 2), (3, 3)) if mode == PATCHES else ((1, 2), (1, 3))
    stages = tiled_stages(graph, Tiling(mode, *grids[seed % len(grids)]))
    if not stages:
        return None
    return plan_of(graph, make_schedule(graph, Target(), in_place=False, stages=stages, overlap=True))


def in_patches(graph: Graph, seed: int) -> Plan | None:
    return tiled(graph, PATCHES, seed)


def in_strips(graph: Graph, seed: int) -> Plan | None:
    return tiled(graph, STRIPS, seed)


def pushed_tiles(graph: Graph, seed: int) -> Plan | None:
    """The checked plan whose input comes row by row into a stage of as few operators as possible, all others in tiles."""
    caller, last = pushed_input(graph), last_reads(graph)
    if caller is None:
        return None
    head = Fusion(0, max(1, last[caller.out] + 1))
    if not any(s.first == 0 and s.end >= head.end for s in longest_stages(graph, 1)):
        return None
    stages = (head, *tiled_stages(graph, Tiling(*((PATCHES, 2, 2), (STRIPS, 1, 2))[seed % 2]), head.end))
    return plan_of(graph, make_schedule(graph, Target(), in_place=False, stages=stages, overlap=True, pushed=caller))
