"""Greedy placement: buffers one after another, each into a gap between those already placed.

Good on most networks, and the start of the exact search on the others.  Sizes and offsets in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import lcm

from tinyml.plan.place_gaps import Gaps, Item, gaps_of, height, settle


def free_gaps(align: int, forbidden: list[tuple[int, int]]) -> Iterator[tuple[int, int | None]]:
    """(offset, spare bytes) of each range of offsets left free, from the bottom up; spare None for the open top.

    `forbidden` are the open intervals of offsets that the placed neighbours forbid, sorted.
    """
    start = 0
    for low, high in forbidden:
        offset = start + -start % align
        if low >= offset:
            yield offset, low - start
        start = max(start, high)
    yield start + -start % align, None


def place_in_order(items: Sequence[Item], gaps: Gaps, order: Sequence[int], tightest: bool) -> list[int]:
    """Place items in the given order into the lowest gap, or (`tightest`) the one that leaves the fewest bytes."""
    offsets = [-1] * len(items)
    for i in order:
        around = zip(gaps.near[i], gaps.up[i], gaps.down[i], strict=True)
        forbidden = sorted((offsets[j] - up, offsets[j] + down) for j, up, down in around if offsets[j] >= 0)
        best: tuple[int, int] | None = None
        for offset, spare in free_gaps(items[i].align, forbidden):
            if best is None or (tightest and spare is not None and spare < best[0]):
                # The open top is last and counts as infinitely large: it is taken only where nothing else fits.
                best = (0 if spare is None else spare, offset)
            if not tightest:
                break
        assert best is not None
        offsets[i] = best[1]
    return offsets


def best(items: Sequence[Item], gaps: Gaps, goal: int, rounds: int) -> list[int]:
    """Offsets of the lowest greedy placement; stops at the first whose height is at most `goal`.

    With overlaps, items are placed from the bottom up and from the top down.  An output trails its input, so a chain
    of them walks down the arena: built upwards, its first item would block the way at the bottom.
    """
    found = _best_upwards(items, gaps, goal, rounds)
    if not gaps.special or height(items, found) <= goal:
        return found
    found = settle(items, gaps, found)
    if height(items, found) <= goal:
        return found
    turned, turned_gaps = _upside_down(items, gaps)
    down = _best_upwards(turned, turned_gaps, goal, rounds)
    top = height(turned, down)
    # Every offset stays a multiple of its alignment if the ceiling is a multiple of all of them.
    top += -top % lcm(*(item.align for item in items))
    down = settle(items, gaps, [top - item.size - offset for item, offset in zip(turned, down, strict=True)])
    return down if height(items, down) < height(items, found) else found


def _upside_down(items: Sequence[Item], gaps: Gaps) -> tuple[list[Item], Gaps]:
    """The same problem with offsets counted from the ceiling down to the ends, sizes rounded up to the alignment."""
    turned = [replace(item, size=item.size + -item.size % item.align) for item in items]
    # end of low - end of high = offset[low] - offset[high] + size low - size high, and the order is turned round.
    pairs = [(high, low, gap + turned[high].size - turned[low].size) for (low, high), gap in gaps.special.items()]
    return turned, gaps_of(turned, pairs)


def _best_upwards(items: Sequence[Item], gaps: Gaps, goal: int, rounds: int) -> list[int]:
    """The lowest of the placements of several orders; stops at the first whose height is at most `goal`.

    After the fixed orders come up to `rounds` repetitions, each with the items that made the height moved forward:
    those are what the order treated too late.
    """
    if not items:
        return []
    near = gaps.near
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
            offsets = place_in_order(items, gaps, order, tightest)
            tries.append((height(items, offsets), offsets, order))
            if tries[-1][0] <= goal:
                return offsets
    low, winner, order = min(tries, key=lambda t: t[0])
    offsets = winner
    for turn in range(rounds):
        now = height(items, offsets)
        guilty = [i for i in order if offsets[i] + items[i].size == now]
        order = _moved_forward(order, guilty, turn)
        offsets = place_in_order(items, gaps, order, tightest=turn % 2 == 1)
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
