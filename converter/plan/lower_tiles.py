"""The kernel calls of a stage in tiles: each operator lowered for the largest rectangle that it computes at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinyml.ir import Graph, hwc
from tinyml.opspec import Lowering, load_ops
from tinyml.plan.lower_rows import cut
from tinyml.plan.model import Grid, Layout, Operand, RowStep, Target
from tinyml.plan.tiles import Tiles, reads


def lower_tiles(graph: Graph, tiles: Tiles, layouts: Mapping[int, Layout], target: Target) -> tuple[tuple[RowStep, ...], int]:
    """A row step per node, and the scratch bytes that the largest call needs. Operands stand in the order of the geometries in
    the kernel's params."""
    largest: dict[tuple[int, int], tuple[int, int]] = {}  # (position, tensor) -> rows and columns of the largest view
    count = [0] * len(tiles.nodes)
    for p, rows, columns in tiles.events():
        n = tiles.nodes[p]
        count[p] += 1
        _grow(largest, (p, n.out), rows[1] - rows[0], columns[1] - columns[0])
        for r in n.reads:
            if r.window is not None:
                height, width, _ = hwc(graph.tensors[r.tensor].shape)
                (top, bottom), (left, right) = reads(r.window, 0, rows, height), reads(r.window, 1, columns, width)
                _grow(largest, (p, r.tensor), bottom - top, right - left)
    steps = []
    for p, n in enumerate(tiles.nodes):
        view = graph.view(graph.nodes[n.node])
        sizes = {t: size for (k, t), size in largest.items() if k == p}
        geoms = {t: layouts[t].geom for t in (n.out, *(r.tensor for r in n.reads))}
        geoms.update({t: replace(geoms[t], h=h, w=w) for t, (h, w) in sizes.items()})
        low = Lowering(geoms, target.isa, target.optimize, count[p], target.scratch_bytes, target.without)
        (call,) = load_ops()[view.node.op].lower(cut(view, sizes), low)
        steps.append(RowStep(n.node, count[p], (call,), tuple(Operand(t, "tile") for t in (*(r.tensor for r in n.reads), n.out))))
    return tuple(steps), max(c.scratch_bytes for s in steps for c in s.calls)


def grid_of(tiles: Tiles) -> Grid:
    return Grid(tiles.tiling.mode, tiles.rows, tiles.columns, tiles.local)


def _grow(largest: dict[tuple[int, int], tuple[int, int]], key: tuple[int, int], h: int, w: int) -> None:
    known = largest.get(key, (0, 0))
    largest[key] = max(known[0], h), max(known[1], w)
