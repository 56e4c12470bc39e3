"""Exact placement: branch and bound over skylines.

The question asked is "do all items fit below C bytes?"; `place_exact` asks it for several C.

Time is compressed to *sections*, the maximal sets of items alive together; an item spans a run of sections.  Only
left-justified placements are looked at: every item lies on the floor or on another item, so an item is always put on
the floor of a *valley* of the skyline, and exactly one decision is open there: which item is the lowest one at the valley's
left (or right) end.  Few items start exactly there and fit the valley, which keeps the branching small; the last
alternative is that none does, and then the section's floor rises to the next height an item can reach.  Of all valleys
the one with the fewest alternatives is decided first.

What cuts the tree:

- floor + bytes still to be placed must stay below C in every section (the section bound of MiniMalloc);
- after each placement the sections at the edges of the item must still have an item that reaches low enough;
- where no unplaced item crosses a boundary, the two sides are independent: each is solved once, and a failure on one
  side is not answered by another solution on the other (temporal decomposition);
- of interchangeable items only the first is tried;
- a skyline with the same unplaced items that failed once is not searched again, whatever the stacking that led to it.

Work is counted in nodes, never in seconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import gcd, log
from random import Random

from tinyml.plan.place_gaps import Item

# The least worth asking for.
FIRST_LIMIT = 400
# Nodes of a dive: just enough to place everything with few turns back. A dive that fails has gone wrong near its root, and
# another order is worth more than more nodes; but every _LONG-th dive is that many times as long, twice that the next time, and
# so on, since only a long one can prove that nothing fits.
_PER_ITEM, _BASE, _LONG = 1.5, 100, 16
_NOISE = (2, 4, 1)  # how far an order may stray from the sizes, in turn
_FULL = 0.97  # of the bytes in all sections: hardly any is free


@dataclass(frozen=True)
class Answer:
    """`offsets` where the items fit; else None, and `proved` says that they cannot fit below `next_bound` bytes."""

    offsets: list[int] | None
    proved: bool
    next_bound: int
    nodes: int


UNKNOWN = Answer(None, False, 0, 0)


@dataclass(frozen=True)
class Sections:
    """Items over compressed time: item i spans sections low[i] to high[i] - 1."""

    count: int
    low: tuple[int, ...]
    high: tuple[int, ...]


def sections_of(items: Sequence[Item]) -> Sections:
    """Keep one section for each live set that is not contained in another's (those bound nothing by themselves)."""
    starts = sorted({item.first for item in items})
    ends = sorted({item.last for item in items})
    kept = []
    for i, start in enumerate(starts):
        following = starts[i + 1] if i + 1 < len(starts) else None
        end = bisect_left(ends, start)
        if following is None or ends[end] < following:
            kept.append(start)
    low = tuple(bisect_left(kept, item.first) for item in items)
    high = tuple(bisect_right(kept, item.last) for item in items)
    return Sections(len(kept), low, high)


@dataclass
class _Choice:
    """An open decision: `options` are items for the section, or None to raise its floor to `rise`."""

    trail: int
    rest: _Pending
    options: Iterator[int | None]
    section: int
    floor: int
    rise: int
    key: tuple[int, int, int, tuple[int, ...]]


# Work still to do, innermost first: a component (a, b) of sections, or (-1, n): drop the choices above the first n.
_Pending = tuple[tuple[int, int], "_Pending"] | None


class Skyline:
    """Static tables of one problem, and the mutable state of the dive in progress."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        n = len(items)
        # With a common alignment g every offset is a multiple of g, and sizes may be counted rounded up to g.
        self.grain = gcd(*(item.align for item in items))
        self.padded = [item.size + -item.size % self.grain for item in items]
        self.waste = max(p - item.size for p, item in zip(self.padded, items, strict=True))
        sections = sections_of(items)
        self.count, self.low, self.high = sections.count, sections.low, sections.high
        self.live: list[list[int]] = [[] for _ in range(self.count)]
        self.loads = [0] * self.count
        for i in range(n):
            for s in range(self.low[i], self.high[i]):
                self.live[s].append(i)
                self.loads[s] += self.padded[i]
        self.from_mask = [sum(1 << i for i in range(n) if self.low[i] >= s) for s in range(self.count + 1)]
        self.upto_mask = [sum(1 << i for i in range(n) if self.high[i] <= s) for s in range(self.count + 1)]
        # An item that is not on its valley's floor lies on a neighbour: at least the smallest one's bytes higher.
        self.lift = [self._smallest_neighbour(i) for i in range(n)]
        self.full = sum(self.loads) >= _FULL * self.count * max(self.loads, default=0)

    def _orders(self) -> Iterator[list[int]]:
        """Orders of preference among candidates: wide, tall and large first, then mixtures of these with noise, without end."""
        indices = range(len(self.items))
        width = [self.high[i] - self.low[i] for i in indices]
        yield sorted(indices, key=lambda i: (-width[i], -self.padded[i], i))
        yield sorted(indices, key=lambda i: (-self.padded[i], -width[i], i))
        yield sorted(indices, key=lambda i: (-self.padded[i] * width[i], i))
        random = Random(1)
        for noise in cycle(_NOISE):
            weight = random.random()
            score = [weight * log(width[i]) + (1 - weight) * log(self.padded[i]) + noise * random.random() for i in indices]
            yield sorted(indices, key=lambda i: -score[i])  # noqa: B023 (used up within the iteration)

    def _smallest_neighbour(self, i: int) -> int:
        sizes = (self.padded[j] for s in range(self.low[i], self.high[i]) for j in self.live[s] if j != i)
        return min(sizes, default=self.grain)

    def fit(self, capacity: int, limit: int) -> Answer:
        """Look for a placement below `capacity` bytes with at most about `limit` nodes over all candidate orders."""
        self.capacity = capacity
        self.room = capacity + -capacity % self.grain
        self.failed: set[tuple[int, int, int, tuple[int, ...]]] = set()
        self.next_room = 1 << 62
        self.next_height = 1 << 62
        for load in self.loads:
            if load > self.room:
                return Answer(None, True, max(capacity + 1, max(self.loads) - self.waste), 0)
        used, short = 0, _BASE + int(_PER_ITEM * len(self.items))
        long = short * _LONG
        for turn, order in enumerate(self._orders(), 1):
            if used >= limit:
                break
            dive = short
            if turn % _LONG == 0:
                dive, long = long, 2 * long
            outcome, nodes = self._dive(order, min(dive, limit - used))
            used += nodes
            if outcome is not None:
                offsets = list(self.offset) if outcome else None
                bound = max(capacity + 1, min(self.next_room - self.waste, self.next_height))
                return Answer(offsets, not outcome, bound, used)
        return Answer(None, False, capacity, used)

    def _reset(self, order: Sequence[int]) -> None:
        n = len(self.items)
        self.starting: list[list[int]] = [[] for _ in range(self.count)]
        self.ending: list[list[int]] = [[] for _ in range(self.count)]
        for i in order:
            self.starting[self.low[i]].append(i)
            self.ending[self.high[i] - 1].append(i)
        self.offset = [-1] * n
        self.left = (1 << n) - 1
        self.floor = [0] * self.count
        self.load = list(self.loads)
        # crossing[s]: unplaced items alive on both sides of the boundary between sections s - 1 and s.
        self.crossing = [0] * (self.count + 1)
        for i in range(n):
            for s in range(self.low[i] + 1, self.high[i]):
                self.crossing[s] += 1
        self.trail: list[tuple[int, int]] = []
        self.choices: list[_Choice] = []

    def _dive(self, order: Sequence[int], limit: int) -> tuple[bool | None, int]:
        """Depth-first search from nothing: True fits, False cannot, None limit reached; and the nodes used."""
        self._reset(order)
        pending = self._split(0, self.count, None)
        nodes = 0
        while pending is not None:
            (a, b), rest = pending
            if a < 0:
                del self.choices[b:]
                pending = rest
                continue
            choice = self._choose(a, b, rest)
            if choice is not None:
                self.choices.append(choice)
            # Take the next option of the innermost decision; the nearest one with an option left, if it has none.
            pending = None
            while True:
                if not self.choices:
                    return False, nodes
                choice = self.choices[-1]
                self._undo(choice.trail)
                option = next(choice.options, -1)
                if option == -1:
                    self.failed.add(choice.key)
                    self.choices.pop()
                    continue
                nodes += 1
                if nodes > limit:
                    return None, nodes
                component = choice.key[:2]
                if option is None:
                    self.trail.append((-1 - choice.section, choice.floor))
                    self.floor[choice.section] = choice.rise
                    pending = (component, choice.rest)
                    break
                if self._put(option, choice.floor):
                    pending = self._split(*component, choice.rest)
                    break
        return True, nodes

    def _choose(self, a: int, b: int, rest: _Pending) -> _Choice | None:
        """A decision in component [a, b); None where one has no alternative or the same skyline failed before."""
        floor = self.floor
        mask = self.left & self.from_mask[a] & self.upto_mask[b]
        key = (a, b, mask, tuple(floor[a:b]))
        if key in self.failed:
            return None
        # The decision with the fewest alternatives, of the lowest valley where several have as few: it fails soonest.
        best: tuple[list[int | None], int, int, int] | None = None
        for left, right in self._valleys(a, b):
            decision = self._decision(left, right)
            if best is None or len(decision[0]) < len(best[0]):
                best = decision
                if len(best[0]) <= 1:
                    break
        assert best is not None
        choices, section, low, rise = best
        if not choices:
            self.failed.add(key)
            return None
        return _Choice(len(self.trail), rest, iter(choices), section, low, rise, key)

    def _decision(self, left: int, right: int) -> tuple[list[int | None], int, int, int]:
        """(alternatives, section, its floor, the floor if raised) at the end of a valley that leaves fewer alternatives."""
        low = self.floor[left]
        at_left = self._candidates(self.starting[left], left, right, low)
        at_right = self._candidates(self.ending[right - 1], left, right, low)
        section, options = (left, at_left) if len(at_left) <= len(at_right) else (right - 1, at_right)
        rise = self._rise(section, low, left, right)
        choices: list[int | None] = list(options)
        if rise + self.load[section] <= self.room:
            choices.append(None)
        else:
            self.next_room = min(self.next_room, rise + self.load[section])
        return choices, section, low, rise

    def _valleys(self, a: int, b: int) -> list[tuple[int, int]]:
        """The runs of equal floor within sections [a, b) that are lower than both sides, the lowest first."""
        floor = self.floor
        left = a
        falling = True
        found = []
        for s in range(a + 1, b + 1):
            if s < b and floor[s] == floor[left]:
                continue
            rising = s == b or floor[s] > floor[left]
            if falling and rising:
                found.append((floor[left], left, s))
            falling = not rising
            left = s
        found.sort()
        return [(left, right) for _, left, right in found]

    def _candidates(self, ranked: list[int], left: int, right: int, low: int) -> list[int]:
        """Unplaced items of `ranked` that can lie at `low` within sections [left, right), interchangeable ones once."""
        found: list[int] = []
        seen: set[tuple[int, int, int, int]] = set()
        for i in ranked:
            if self.offset[i] >= 0 or self.low[i] < left or self.high[i] > right:
                continue
            item = self.items[i]
            if low % item.align:
                continue
            shape = (self.low[i], self.high[i], item.size, item.align)
            if shape not in seen:
                seen.add(shape)
                found.append(i)
        if len(found) > 1:
            # An item that ends flush with a wall of the valley leaves a simpler skyline: try such items first.
            walls = {self.room}
            if left > 0:
                walls.add(self.floor[left - 1])
            if right < self.count:
                walls.add(self.floor[right])
            found.sort(
                key=lambda i: (
                    low + self.padded[i] not in walls,
                    self.low[i] != left or self.high[i] != right,
                )
            )
        return found

    def _rise(self, section: int, low: int, left: int, right: int) -> int:
        """The lowest offset above `low` that the lowest item of the section can have if it is not put at `low`."""
        rise = 1 << 62
        floor = self.floor
        for i in self.live[section]:
            if self.offset[i] < 0:
                a, b = self.low[i], self.high[i]
                base = low if a >= left and b <= right else max(floor[a:b])
                align = self.items[i].align
                base += -base % align
                if base == low:
                    base = low + self.lift[i]
                    base += -base % align
                if base < rise:
                    rise = base
        return rise

    def _put(self, i: int, low: int) -> bool:
        """Put item i at `low`; False where a section can then no longer be completed below the capacity."""
        top = low + self.padded[i]
        if low + self.items[i].size > self.capacity:
            self.next_height = min(self.next_height, low + self.items[i].size)
            return False
        a, b = self.low[i], self.high[i]
        self.trail.append((i, low))
        self.offset[i] = low
        self.left &= ~(1 << i)
        self.floor[a:b] = [top] * (b - a)
        size = self.padded[i]
        for s in range(a, b):
            self.load[s] -= size
        for s in range(a + 1, b):
            self.crossing[s] -= 1
        return (
            self._reachable(a)
            and (b - a == 1 or self._reachable(b - 1))
            and (a == 0 or self._reachable(a - 1))
            and (b == self.count or self._reachable(b))
        )

    def _reachable(self, section: int) -> bool:
        """Whether some unplaced item of the section can start low enough for all of them to end below the capacity."""
        load = self.load[section]
        if load == 0:
            return True
        highest = self.room - load
        floor, offset, low, high = self.floor, self.offset, self.low, self.high
        nearest = 1 << 62
        for i in self.live[section]:
            if offset[i] < 0:
                base = max(floor[low[i] : high[i]])
                base += -base % self.items[i].align
                if base <= highest:
                    return True
                nearest = min(nearest, base)
        self.next_room = min(self.next_room, nearest + load)
        return False

    def _undo(self, length: int) -> None:
        while len(self.trail) > length:
            i, low = self.trail.pop()
            if i < 0:
                self.floor[-1 - i] = low
                continue
            a, b = self.low[i], self.high[i]
            self.offset[i] = -1
            self.left |= 1 << i
            self.floor[a:b] = [low] * (b - a)
            size = self.padded[i]
            for s in range(a, b):
                self.load[s] += size
            for s in range(a + 1, b):
                self.crossing[s] += 1

    def _split(self, a: int, b: int, rest: _Pending) -> _Pending:
        """Independent components of sections [a, b) in front of `rest`, the narrowest first: it fails soonest."""
        parts = []
        start = a
        for s in range(a + 1, b + 1):
            if s == b or self.crossing[s] == 0:
                if self.load[start] > 0:
                    parts.append((start, s))
                start = s
        if len(parts) == 1:
            return (parts[0], rest)
        depth = len(self.choices)
        for part in sorted(parts, key=lambda p: (p[0] - p[1], p)):
            rest = (part, ((-1, depth), rest))
        return rest
