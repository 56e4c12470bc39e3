"""The smallest height, by asking two exact searches "does it fit below C bytes?" for several C.

`place_pairs` is quick where most steps have bytes to spare, as in networks; `place_search` where hardly any byte is
free in any step.  Neither is best on both, so both are asked, with a share of the effort each.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.plan import place_pairs, place_search
from tinyml.plan.place_gaps import Gaps, Item, gaps_of, height

# A node of place_pairs looks at every pair; this many pairs cost about as much time as a node of place_search.
_PAIRS_PER_NODE = 50
# For a last proof on parts: this share of the effort on top, so many peaks, so many steps on both sides of them.
_SHARE_MORE, _PEAKS, _REACHES = 5, 4, (1, 2, 4, 8)
_LEAST_NODES = 20


def improve(items: Sequence[Item], gaps: Gaps, found: list[int], bound: int, goal: int, effort: int) -> tuple[list[int], int]:
    """Better offsets than `found`, if `effort` nodes find them, and the best bound (bytes) proven.

    Stops at a height of at most `goal` bytes.  The bound itself is asked for first, with half of the effort: it is the
    optimum of most networks.  A height that is too hard is followed by one a little above, in growing steps, since a
    tight height guides the searches better than a loose one; at the end the whole rest goes to the height just below
    the best one found, which a refutation would prove optimal.  Failing that, the surroundings of the peaks are asked.
    """
    # Skylines add up sizes, so they have no use for items that may overlap.
    skyline = None if gaps.special else place_search.Skyline(items)
    price = 1 + sum(map(len, gaps.near)) // 2 // _PAIRS_PER_NODE
    best = height(items, found)
    more = effort // _SHARE_MORE
    too_hard, step = bound - 1, max(1, bound // 1_000)
    # Where hardly a byte is free, skylines are the better search by far, and the bound is the height to look for.
    full = skyline is not None and skyline.full
    share = effort if full else effort // 2
    capacity = max(bound, goal)
    while best > max(bound, goal) and effort > 0:
        share = min(max(share, place_search.FIRST_LIMIT), effort)
        answer = place_search.UNKNOWN if skyline is None else skyline.fit(capacity, max(share if full else share // 3, 1))
        offsets, refuted, reached, nodes = answer.offsets, answer.proved, answer.next_bound, answer.nodes
        if offsets is None and not refuted:
            offsets, refuted, tried = place_pairs.fit(items, gaps, capacity, max((share - nodes) // price, 1))
            nodes += tried * price
            reached = capacity + 1
        effort -= nodes
        if offsets is not None:
            found, best = offsets, height(items, offsets)
        elif refuted:
            bound = min(reached, best)
        else:
            too_hard = max(too_hard, capacity)
        low = max(bound, goal, too_hard + 1)
        if low < best - 1:
            capacity, share = min(low + step, (low + best) // 2), effort // 3
            step *= 2
        else:
            capacity, share = best - 1, effort
    if bound < best and goal < best and part_refutes(items, gaps, best - 1, more):
        bound = best
    return found, bound


def part_refutes(items: Sequence[Item], gaps: Gaps, capacity: int, effort: int) -> bool:
    """Whether the items alive around a peak alone are proven not to fit below `capacity` bytes: then all do not.

    The search over all items loses its way in decisions that have nothing to do with the peak.
    """
    starts = sorted({item.first for item in items})
    load = {step: sum(item.size for item in items if item.first <= step <= item.last) for step in starts}
    peaks = sorted(starts, key=lambda step: (-load[step], step))[:_PEAKS]
    known: set[tuple[int, ...]] = set()
    for reach in _REACHES:
        for peak in peaks:
            k = starts.index(peak)
            first, last = starts[max(k - reach, 0)], starts[min(k + reach, len(starts) - 1)]
            part = tuple(i for i, item in enumerate(items) if item.first <= last and item.last >= first)
            if part in known:
                continue
            known.add(part)
            place = {i: n for n, i in enumerate(part)}
            some = [items[i] for i in part]
            pairs = [(place[a], place[b], gap) for (a, b), gap in gaps.special.items() if a in place and b in place]
            near = gaps_of(some, pairs)
            price = 1 + sum(map(len, near.near)) // 2 // _PAIRS_PER_NODE
            limit = effort // (price * _PEAKS * len(_REACHES))
            # So few nodes prove nothing that the load bound does not.
            if limit >= _LEAST_NODES and place_pairs.fit(some, near, capacity, limit)[1]:
                return True
    return False
