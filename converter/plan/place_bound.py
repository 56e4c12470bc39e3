"""The load bound: bytes that no placement can do without, whatever the offsets.

No arena is lower than the number of bytes that the items alive in one step cover together.  Items that may not overlap
cover the sum of their sizes.  For items that may:

*Groups.*  Two items that may not overlap share no byte, so the items alive are split into connected groups of the
relation "may overlap", and what the groups cover adds up.

*Stars.*  Let c be an item of a group and L some of its neighbours, no two of which may overlap each other.  A leaf i
with gap(c, i) = g that obeys offset[i] - offset[c] >= g leaves the first h_i = max(g, 0) bytes of c alone (at most all
of c).  If it obeys offset[c] - offset[i] >= gap(i, c) instead, then end of c - end of i >= gap(i, c) + size c - size i,
so it leaves the last t_i = max(gap(i, c) + size c - size i, 0) bytes of c alone.  (With ordinary gaps h_i and t_i are
the size of c.)  Let H be the leaves that obey the first and T the others.  What lies before min h over H and behind
size c - min t over T is covered by no leaf: at least min_H h + min_T t - size c bytes, where the minimum over nothing is
the size of c.  The leaves share no byte, so the star covers at least the sum of their sizes plus the least of that over
all H and T; and, trivially, no less than c.  Leaving out leaves gives a bound as well, so the best of the sets that
drop the leaves of the least distance is taken.  For one input a and one output b at distance d, that is
max(size_b, size_a + d), and never more than what a placement of the two alone needs.

*Rest.*  Items of the group that neither c nor the leaves may overlap share no byte with the star: their own bound, by
recursion, adds to the star's.  Neighbours of the star that are neither are left out, which only lowers the bound.

*Alignment.*  Of the items whose alignment is a multiple of `a`, all offsets are multiples of a, hence so are their
differences: gaps and sizes may be counted rounded up to `a`, except for the padding of the item that ends highest.
Items of finer alignment may lie in the padding of coarser ones, so the largest bound over the alignments is taken and
not a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tinyml.plan.place_gaps import Item

# Groups of more items than this are asked for one centre only: the best of all would take exponential time.
_MOST_CENTRES = 5

_Gap = Callable[[int, int], int]


def load_bound(items: Sequence[Item], special: Mapping[tuple[int, int], int]) -> int:
    """The load bound in bytes; `special` are the gaps that are not the lower item's size (`place_gaps.Gaps`)."""
    best = 0
    # A live set is not contained in another only where an item starts and none follows before one ends.
    starts = sorted({item.first for item in items})
    for align in sorted({item.align for item in items} | {1}):
        group = [i for i, item in enumerate(items) if item.align % align == 0]
        size = {i: items[i].size + -items[i].size % align for i in group}
        gap = {pair: g + -g % align for pair, g in special.items() if pair[0] in size and pair[1] in size}
        linked = {i for pair in gap for i in pair}
        for step in starts:
            live = [i for i in group if items[i].first <= step <= items[i].last]
            if not live:
                continue
            covered = sum(size[i] for i in live if i not in linked)
            if linked:
                covered += _covered([i for i in live if i in linked], size, gap)
            best = max(best, covered - max(size[i] - items[i].size for i in live))
    return best


def _covered(live: list[int], size: Mapping[int, int], special: Mapping[tuple[int, int], int]) -> int:
    """Bytes that the items alive cover together at least."""
    alive = set(live)
    pairs: dict[int, set[int]] = {i: set() for i in live}
    for low, high in special:
        if low in alive and high in alive:
            pairs[low].add(high)
            pairs[high].add(low)

    def gap(i: int, j: int) -> int:
        return special.get((i, j), size[i])

    total = 0
    while alive:
        group = _group_of(min(alive), pairs)
        alive -= group
        total += _group_bound(group, pairs, size, gap)
    return total


def _group_of(start: int, pairs: Mapping[int, set[int]]) -> set[int]:
    group, todo = {start}, [start]
    while todo:
        fresh = pairs[todo.pop()] - group
        group |= fresh
        todo.extend(fresh)
    return group


def _group_bound(group: set[int], pairs: Mapping[int, set[int]], size: Mapping[int, int], gap: _Gap) -> int:
    centres = sorted((i for i in group if pairs[i] & group), key=lambda i: (-len(pairs[i] & group), i))
    if not centres:
        return sum(size[i] for i in group)
    best = 0
    for c in centres if len(centres) <= _MOST_CENTRES else centres[:1]:
        leaves: list[int] = []
        for i in sorted(pairs[c] & group, key=lambda i: (-size[i], i)):
            if not pairs[i] & set(leaves):
                leaves.append(i)
        touched = {c, *leaves}
        rest = group - touched - set().union(*(pairs[i] for i in touched))
        best = max(best, _star_bound(c, leaves, size, gap) + _group_bound(rest, pairs, size, gap))
    return best


def _star_bound(c: int, leaves: Iterable[int], size: Mapping[int, int], gap: _Gap) -> int:
    """Bytes that c and the leaves, which share no byte with each other, cover at least."""
    whole = size[c]
    kept = []
    for i in leaves:
        head = min(max(gap(c, i), 0), whole)
        tail = min(max(gap(i, c) + whole - size[i], 0), whole)
        kept.append((min(head, tail), head, tail, size[i]))
    kept.sort(reverse=True)
    best = whole
    for n in range(1, len(kept) + 1):
        part = kept[:n]
        alone = min(least for least, *_ in part)
        for i, (_, head, _, _) in enumerate(part):
            for j, (_, _, tail, _) in enumerate(part):
                if i != j:
                    alone = min(alone, head + tail - whole)
        best = max(best, max(alone, 0) + sum(item[3] for item in part))
    return best
