"""Ranges of activations, adjusted to what their readers make of them.

The grid that represents a tensor best need not be the one that serves the network best: what a following ReLU cuts off, or what
a softmax makes vanish, may be clipped for nothing, and finer steps for the rest are then free. So each range's two ends are moved
while the outputs of the operators that read the tensor come closer to the float network's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tinyml.ir import Graph
from tinyml.quantize.batch import Tape, run_node
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid, grid_between

SAMPLES = 32
FACTORS = (0.25, 0.5, 0.7, 0.85, 1.2)
ROUNDS = 2


def refine_grids(
    graph: Graph, grids: Mapping[int, Grid], tied: Mapping[int, int], frozen: frozenset[int], data: Calibration,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[int, Grid]:  # fmt: skip
    """`grids` with better ranges. Groups in `frozen` (by leader), and constants, stay. Deterministic."""
    refiner, out = Refiner(graph, tied, data), dict(grids)
    for k, (leader, members) in enumerate(refiner.groups.items()):
        progress(f"adjusting ranges ({k + 1} of {len(refiner.groups)})")
        if leader not in frozen:
            grid = refiner.refined(leader, grids[leader])
            out.update((t, grid) for t in members)
    return out


class Refiner:
    """Knows what every operator makes of exact values, for a few samples. groups: leader -> its tensors."""

    def __init__(self, graph: Graph, tied: Mapping[int, int], data: Calibration):
        few = data.take(np.linspace(0, len(data) - 1, min(SAMPLES, len(data))).astype(int))
        self.groups: dict[int, list[int]] = {}
        for t, leader in tied.items():
            self.groups.setdefault(leader, []).append(t)
        tape = Tape(graph, few.inputs, keep=tied)
        for node in graph.nodes:
            tape.step(node)
        self._graph, self._values = graph, tape.values

    def refined(self, leader: int, grid: Grid) -> Grid:
        """The grid with which the readers of the group come closest to the float network, starting from `grid`."""
        return _refined(self._graph, self._values, self.groups[leader], grid)


def _refined(graph: Graph, values: Mapping[int, np.ndarray], members: list[int], grid: Grid) -> Grid:
    inside = set(members)
    if any(y in graph.outputs for t in members for k in graph.consumers.get(t, ()) for y in graph.nodes[k].outputs):
        return grid  # what a last softmax or sigmoid saturates still decides which of two classes is ahead
    # readers whose outputs are not of the group themselves: there the error counts
    readers = [k for k in dict.fromkeys(k for t in members for k in graph.consumers.get(t, ())) if graph.nodes[k].outputs[0] not in inside]
    if not readers:
        return grid

    def loss(g: Grid) -> float:
        total = 0.0
        for k in readers:
            node = graph.nodes[k]
            operands = [None if t is None else values.get(t, graph.tensors[t].data) for t in node.inputs]
            rough = [g.fake(a) if t in inside and a is not None else a for t, a in zip(node.inputs, operands, strict=True)]
            for t, y in zip(node.outputs, run_node(graph.view(node), rough), strict=True):
                exact = values[t] if t in values else y
                total += float(np.square(y - exact).mean()) / max(float(exact.var()), 1e-12)
        return total

    low, high = grid.limits
    ends = [grid.scale * (low - grid.zero_point), grid.scale * (high - grid.zero_point)]
    best, best_grid = loss(grid), grid
    for _ in range(ROUNDS):
        moved = False
        for side in (0, 1):
            for factor in FACTORS:
                tried = list(ends)
                tried[side] *= factor
                if tried[side] == ends[side]:
                    continue
                g = grid_between(tried[0], tried[1], grid.bits)
                value = loss(g)
                if value < best:
                    best, best_grid, kept, moved = value, g, tried, True
            if best_grid is not grid and moved:
                ends = kept
        if not moved:
            break
    return best_grid
