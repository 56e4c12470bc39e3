"""Greedy placement: buffers one after another, each into a gap between those already placed.

Good on most networks, and the start of the exact search on the others.  Sizes and offsets in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A buffer of at least one byte, known by its index; alive during steps first to last, both included."""

    size: int
    align: int
    first: int
    last: int


def height(items: Sequence[Item], offsets: Sequence[int]) -> int:
    """Bytes from 0 to the end of the topmost item."""
    return max((offset + item.size for item, offset in zip(items, offsets, strict=True)), default=0)


def neighbours(items: Sequence[Item]) -> list[list[int]]:
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


def free_gaps(item: Item, taken: list[tuple[int, int]]) -> Iterator[tuple[int, int | None]]:
    """(offset, spare bytes) of each gap the item fits into, from the bottom up; spare None for the open top.

    `taken` are the [start, end) intervals of the placed neighbours, sorted.
    """
    start = 0
    for low, high in taken:
        offset = start + -start % item.align
        if low >= offset + item.size:
            yield offset, low - start - item.size
        start = max(start, high)
    yield start + -start % item.align, None


def place_in_order(items: Sequence[Item], near: Sequence[Sequence[int]], order: Sequence[int], tightest: bool) -> list[int]:
    """Place items in the given order into the lowest gap, or (`tightest`) the one that leaves the fewest bytes."""
    offsets = [-1] * len(items)
    for i in order:
        taken = sorted((offsets[j], offsets[j] + items[j].size) for j in near[i] if offsets[j] >= 0)
        best: tuple[int, int] | None = None
        for offset, spare in free_gaps(items[i], taken):
            if best is None or (tightest and spare is not None and spare < best[0]):
                # The open top is last and counts as infinitely large: it is taken only where nothing else fits.
                best = (0 if spare is None else spare, offset)
            if not tightest:
                break
        assert best is not None
        offsets[i] = best[1]
    return offsets


def best(items: Sequence[Item], goal: int, rounds: int) -> list[int]:
    """Offsets of the lowest greedy placement; stops at the first whose height is at most `goal`.

    After the fixed orders come up to `rounds` repetitions, each with the items that made the height moved forward:
    those are what the order treated too late.
    """
    if not items:
        return []
    near = neighbours(items)
    indices = range(len(items))
    load = _peak_loads(items)

    def life(i: int) -> int:
        return items[i].last - items[i].first + 1

    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-items[i].size, items[i].first, i),
        lambda i: (-items[i].size * life(i), items[i].first, i),
        lambda i: (-life(i), -items[i].size, i),
        lambda i: (-load[i], -items[i].size, i),
        lambda i: (-load[i], -life(i), -items[i].size, i),
        lambda i: (-sum(items[j].size for j in near[i]), i),
        lambda i: (-len(near[i]), -items[i].size, i),
        lambda i: (items[i].first, -life(i), -items[i].size, i),
        lambda i: (-items[i].last, -life(i), -items[i].size, i),
    )
    tries: list[tuple[int, list[int], list[int]]] = []
    for key in keys:
        order = sorted(indices, key=key)
        for tightest in (False, True):
            offsets = place_in_order(items, near, order, tightest)
            tries.append((height(items, offsets), offsets, order))
            if tries[-1][0] <= goal:
                return offsets
    low, winner, order = min(tries, key=lambda t: t[0])
    offsets = winner
    for turn in range(rounds):
        now = height(items, offsets)
        guilty = [i for i in order if offsets[i] + items[i].size == now]
        order = _moved_forward(order, guilty, turn)
        offsets = place_in_order(items, near, order, tightest=turn % 2 == 1)
        if height(items, offsets) < low:
            low, winner = height(items, offsets), offsets
            if low <= goal:
                break
    return winner


def _moved_forward(order: Sequence[int], guilty: Sequence[int], turn: int) -> list[int]:
    """Move the guilty towards the front, by half their distance or, every third turn, all the way."""
    moved = list(order)
    for i in guilty:
        position = moved.index(i)
        moved.pop(position)
        moved.insert(0 if turn % 3 == 2 else position // 2, i)
    return moved


def _peak_loads(items: Sequence[Item]) -> list[int]:
    """For each item the largest sum of live sizes during its life: the steps under pressure go first."""
    steps = sorted({item.first for item in items})
    loads = [sum(item.size for item in items if item.first <= step <= item.last) for step in steps]
    return [max(load for step, load in zip(steps, loads, strict=True) if item.first <= step <= item.last) for item in items]
