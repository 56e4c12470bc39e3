"""How much to compute twice: the search over the peaks that `recompute.choices` can aim at.

What is repeated takes multiply-accumulates from what chains of operators may repeat elsewhere, so the smallest arena lies between
the peak that all of them spent here could reach and the one reached with none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from tinyml.ir import Graph
from tinyml.plan.recompute import Repeat, choices, least_peak, repeated, repeats

TRIES = 6  # until the smallest arena is taken for found


class Placed(Protocol):
    @property
    def height(self) -> int: ...


P = TypeVar("P", bound=Placed, covariant=True)


class Fused(Protocol[P]):
    def __call__(self, graph: Graph, bound: int, macs: int) -> Iterator[P]:
        """Plans of a graph which has `macs` more than the model, none estimated to need more than `bound` bytes."""


def repeating(graph: Graph, fused: Fused[P], extra_macs: int, bound: int, budget: int | None, every: bool) -> Iterator[P]:
    """Plans in which tensors or some of their channels are computed twice, with at most extra_macs more than the model.

    First those that just fit the budget (bytes). Where none does, or there is no budget, those that all of extra_macs bring, and
    then with less of it, where the rest of the network needs it more; and `every` plan between the smallest and `bound`, in steps."""
    found = repeats(graph)
    low, best = least_peak(found, extra_macs), bound
    if budget is not None and low <= budget < bound:
        for p in _aiming(graph, fused, found, budget, bound):
            best = min(best, p.height)
            yield p
        if best <= budget:
            return
    aim = low
    for _ in range(TRIES):
        if best - low <= low // 50:
            break
        reached = bound
        for p in _aiming(graph, fused, found, aim, best):
            reached = min(reached, p.height)
            yield p
        best = min(best, reached)
        if aim == low and reached <= aim + aim // 100:
            break
        low, aim = (low, (low + best) // 2) if reached <= aim else (aim, (aim + best) // 2)
    aim = bound - bound // 8
    while every and aim > best + best // 16:
        yield from _aiming(graph, fused, found, aim, bound)
        aim -= aim // 8


def _aiming(graph: Graph, fused: Fused[P], found: tuple[Repeat, ...], aim: int, bound: int) -> Iterator[P]:
    """Plans that repeat so much that `aim` bytes may be reached."""
    chosen = choices(found, aim)
    if chosen:
        yield from fused(repeated(graph, chosen), min(bound, aim + aim // 8), sum(c.macs for c in chosen))
