"""How far apart two buffers alive at once must lie: one number for each order of a pair.

Everything a placement must obey is: offsets are aligned and not negative, and for every pair (i, j) whose lives share
a step

    offset[j] - offset[i] >= gap(i, j)    or    offset[i] - offset[j] >= gap(j, i).

Two buffers that may not overlap have gap(i, j) = size of i.  An output j that may trail its input i at distance d has
gap(j, i) = d instead of its size.  A gap may be negative: an output whose rows are written from the last to the first
may begin before its input as long as it ends d bytes behind it, gap(i, j) = size of i + d - size of j.  All in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A buffer of at least one byte, known by its index; alive during steps first to last, both included."""

    size: int
    align: int
    first: int
    last: int


@dataclass(frozen=True)
class Gaps:
    """Per item i and position p of its list of neighbours, with j = near[i][p]:

    up[i][p] is gap(i, j), down[i][p] is gap(j, i), and back[i][p] the position of i in near[j].  Pairs that any two
    offsets satisfy are no neighbours.  `special` holds the gaps that are not the lower item's size.
    """

    near: list[list[int]]
    up: list[list[int]]
    down: list[list[int]]
    back: list[list[int]]
    special: dict[tuple[int, int], int]


def alive_together(items: Sequence[Item]) -> list[list[int]]:
    """For each item the indices of the others whose lives share a step with it."""
    found: list[list[int]] = [[] for _ in items]
    alive: list[int] = []
    for i in sorted(range(len(items)), key=lambda i: items[i].first):
        alive = [j for j in alive if items[j].last >= items[i].first]
        for j in alive:
            found[i].append(j)
            found[j].append(i)
        alive.append(i)
    return found


def gaps_of(items: Sequence[Item], overlaps: Iterable[tuple[int, int, int]] = ()) -> Gaps:
    """The gaps of items with `overlaps`, triples (low, high, distance): gap(low, high) is at most `distance`."""
    special: dict[tuple[int, int], int] = {}
    for low, high, distance in overlaps:
        if items[low].first <= items[high].last and items[high].first <= items[low].last:
            gap = min(distance, special.get((low, high), items[low].size))
            if gap < items[low].size:
                special[low, high] = gap

    def gap(i: int, j: int) -> int:
        return special.get((i, j), items[i].size) if special else items[i].size

    near = alive_together(items)
    if special:
        # Whole numbers: where the two gaps sum up to 1 or less, every difference satisfies one of them.
        near = [[j for j in row if gap(i, j) + gap(j, i) > 1] for i, row in enumerate(near)]
    place = [{j: p for p, j in enumerate(row)} for row in near]
    return Gaps(
        near=near,
        up=[[gap(i, j) for j in row] for i, row in enumerate(near)],
        down=[[gap(j, i) for j in row] for i, row in enumerate(near)],
        back=[[place[j][i] for j in row] for i, row in enumerate(near)],
        special=special,
    )


def height(items: Sequence[Item], offsets: Sequence[int]) -> int:
    """Bytes from 0 to the end of the topmost item."""
    return max((offset + item.size for item, offset in zip(items, offsets, strict=True)), default=0)


def settle(items: Sequence[Item], gaps: Gaps, offsets: Sequence[int]) -> list[int]:
    """The lowest offsets that keep, of every pair, the order which the valid `offsets` have.

    The orders are difference constraints that `offsets` satisfy, so raising every item from 0 to what its neighbours
    demand ends at or below `offsets`.
    """
    lowest = [0] * len(items)
    # Of two orders that both hold, the one with the lesser demand is kept.
    above = []
    for i in range(len(items)):
        row = []
        for p, j in enumerate(gaps.near[i]):
            up = offsets[j] - offsets[i] - gaps.up[i][p]
            down = offsets[i] - offsets[j] - gaps.down[i][p]
            if up >= down:
                row.append((j, gaps.up[i][p]))
        above.append(row)
    todo = sorted(range(len(items)), key=lambda i: -offsets[i])
    waiting = [True] * len(items)
    while todo:
        i = todo.pop()
        waiting[i] = False
        for j, gap in above[i]:
            moved = lowest[i] + gap
            if moved > lowest[j]:
                lowest[j] = moved + -moved % items[j].align
                if not waiting[j]:
                    waiting[j] = True
                    todo.append(j)
    return lowest
