"""Placement of buffers in one memory bank: the problem, its bound, and `solve`.

A buffer has a size, an alignment and a life in steps.  Two buffers whose lives share a step must not share a byte,
unless an `Overlap` says how far apart they must lie instead.  `solve` looks for the offsets with the smallest height, that is the smallest arena.

The method, cheapest first, stops as soon as a height equals a proven bound:

1. the load bound: no arena is lower than the bytes that are alive in one step (`place_bound`);
2. greedy placement in several orders, then greedy placement again with the offenders moved to the front
   (`place_greedy`);
3. two exact searches, over skylines (`place_search`; only without overlaps) and over pairs (`place_pairs`), asked
   "does it fit in C bytes?" for several C (`place_exact`).

The split into problem, solver and validator, and problems kept as files, follow MiniMalloc (Moffitt, "MiniMalloc: A
Lightweight Memory Allocator for Hardware-Accelerated Machine Learning", ASPLOS 2023).  The code is our own, and the
validator of real builds is `check`, which shares nothing with this module.

Nothing here depends on time, hashing order or randomness: the same problem and effort give the same offsets.
`benchmarks/place.py` holds the comparison with OR-Tools CP-SAT and says why this search is the one in use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tinyml.plan import place_exact, place_greedy
from tinyml.plan.place_bound import load_bound
from tinyml.plan.place_gaps import Item, gaps_of, height

DEFAULT_EFFORT = 80_000


@dataclass(frozen=True)
class Buffer:
    """`size` bytes at a multiple of `align` bytes, alive during steps `first` to `last`, both included."""

    id: int
    size: int
    align: int
    first: int
    last: int


@dataclass(frozen=True)
class Overlap:
    """Buffers `low` and `high` (ids) may share bytes where offset[high] - offset[low] >= distance_bytes.

    That is an alternative to lying apart, not a demand.  It holds for as long as both are alive, which is typically
    one step: `high` is an operator's input that dies there, `low` the output that trails it.

    distance_bytes is at most the size of `low` (which allows no overlap).  It may be negative, down to minus the size
    of `high` (then anything is allowed): an operator that writes its rows from the last to the first allows
    Overlap(low=input, high=output, distance_bytes=size of input + d - size of output), which lets the output end d or
    more bytes behind its input.  Several overlaps of one pair are alternatives.  Those of two buffers that are never
    alive together mean nothing.
    """

    low: int
    high: int
    distance_bytes: int


@dataclass(frozen=True)
class Problem:
    """Buffers with distinct ids, and the pairs among them that may overlap.

    `capacity` (bytes), where given, means that any height up to it is good enough: the search stops there.
    Without it the height is minimised.
    """

    buffers: tuple[Buffer, ...]
    overlaps: tuple[Overlap, ...] = ()
    capacity: int | None = None


@dataclass(frozen=True)
class Placement:
    """Offsets in bytes as (buffer id, offset) pairs in the order of the problem's buffers.

    `height` is the largest offset + size, `lower_bound` the best bound proven on any placement's height, and
    `optimal` tells that the two are equal.
    """

    offsets: tuple[tuple[int, int], ...]
    height: int
    lower_bound: int
    optimal: bool

    @cached_property
    def _by_id(self) -> dict[int, int]:
        return dict(self.offsets)

    def offset(self, buffer_id: int) -> int:
        """Offset of one buffer in bytes; KeyError for an id the problem does not have."""
        return self._by_id[buffer_id]


def verify_problem(problem: Problem) -> None:
    """Raise ValueError for a negative size, an alignment below 1, an empty life, a repeated id, or an overlap of
    unknown or equal buffers or with a distance out of range."""
    size: dict[int, int] = {}
    for buffer in problem.buffers:
        if buffer.size < 0 or buffer.align < 1 or buffer.first > buffer.last:
            raise ValueError(f"place: buffer {buffer.id} is malformed: {buffer}")
        if buffer.id in size:
            raise ValueError(f"place: buffer id {buffer.id} is used twice")
        size[buffer.id] = buffer.size
    for overlap in problem.overlaps:
        if overlap.low not in size or overlap.high not in size or overlap.low == overlap.high:
            raise ValueError(f"place: {overlap} is not of two buffers of the problem")
        if not -size[overlap.high] <= overlap.distance_bytes <= size[overlap.low]:
            raise ValueError(f"place: the distance of {overlap} is not within {-size[overlap.high]} and {size[overlap.low]}")


def lower_bound(problem: Problem) -> int:
    """The load bound in bytes: the largest, over steps, of what the buffers alive in that step cover together.

    `place_bound` derives it; overlaps and alignments are counted.
    """
    items, overlaps = _items(problem)
    return load_bound(items, gaps_of(items, overlaps).special)


def solve(problem: Problem, effort: int = DEFAULT_EFFORT) -> Placement:
    """The best placement that `effort` search nodes find (the default takes 0.01 to 4 s); 0 means greedy only.

    Raises ValueError for a malformed problem.  A height above `problem.capacity` is returned, not raised: the caller
    knows what the peak is made of and can say what would make it fit.
    """
    verify_problem(problem)
    items, overlaps = _items(problem)
    gaps = gaps_of(items, overlaps)
    bound = load_bound(items, gaps.special)
    goal = bound if problem.capacity is None else max(bound, problem.capacity)
    found = place_greedy.best(items, gaps, goal, rounds=min(60, effort // 100))
    if height(items, found) > goal and effort > 0:
        found, bound = place_exact.improve(items, gaps, found, bound, goal, effort)
    # A buffer of no bytes overlaps nothing and may lie at 0.
    offset_of = {b.id: offset for b, offset in zip(_sized(problem), found, strict=True)}
    top = height(items, found)
    return Placement(
        offsets=tuple((b.id, offset_of.get(b.id, 0)) for b in problem.buffers),
        height=top,
        lower_bound=bound,
        optimal=top == bound,
    )


def _sized(problem: Problem) -> list[Buffer]:
    return [b for b in problem.buffers if b.size > 0]


def _items(problem: Problem) -> tuple[list[Item], list[tuple[int, int, int]]]:
    """The buffers that have bytes as items, and the overlaps among them by their indices."""
    sized = _sized(problem)
    index = {b.id: i for i, b in enumerate(sized)}
    items = [Item(b.size, b.align, b.first, b.last) for b in sized]
    known = (o for o in problem.overlaps if o.low in index and o.high in index)
    return items, [(index[o.low], index[o.high], o.distance_bytes) for o in known]


def problem_to_json(problem: Problem) -> str:
    """One JSON object: `capacity`, `buffers`, each a list [id, size, align, first, last], and `overlaps`, if there are
    any, each a list [low, high, distance_bytes]."""
    rows = [[b.id, b.size, b.align, b.first, b.last] for b in problem.buffers]
    data: dict[str, Any] = {"capacity": problem.capacity, "buffers": rows}
    if problem.overlaps:
        data["overlaps"] = [[o.low, o.high, o.distance_bytes] for o in problem.overlaps]
    return json.dumps(data)


def problem_from_json(text: str) -> Problem:
    """Inverse of `problem_to_json`; ValueError where the text is not such a problem."""
    data = _decode(text, ("capacity", "buffers"), ("overlaps",))
    rows, pairs = data["buffers"], data.get("overlaps", [])
    capacity = data["capacity"]
    if not isinstance(rows, list) or not all(_is_ints(row, 5) for row in rows):
        raise ValueError("place: buffers must be lists of five integers")
    if not isinstance(pairs, list) or not all(_is_ints(row, 3) for row in pairs):
        raise ValueError("place: overlaps must be lists of three integers")
    if capacity is not None and not _is_int(capacity):
        raise ValueError("place: capacity must be an integer or null")
    problem = Problem(tuple(Buffer(*row) for row in rows), tuple(Overlap(*row) for row in pairs), capacity)
    verify_problem(problem)
    return problem


def placement_to_json(placement: Placement) -> str:
    """One JSON object with the fields of `Placement`; offsets as [id, offset] pairs."""
    return json.dumps(
        {
            "offsets": [list(pair) for pair in placement.offsets],
            "height": placement.height,
            "lower_bound": placement.lower_bound,
            "optimal": placement.optimal,
        }
    )


def placement_from_json(text: str) -> Placement:
    """Inverse of `placement_to_json`; ValueError where the text is not such a placement."""
    data = _decode(text, ("offsets", "height", "lower_bound", "optimal"))
    pairs = data["offsets"]
    if not isinstance(pairs, list) or not all(_is_ints(pair, 2) for pair in pairs):
        raise ValueError("place: offsets must be pairs of integers")
    if not _is_ints([data["height"], data["lower_bound"]], 2) or not isinstance(data["optimal"], bool):
        raise ValueError("place: height and lower_bound must be integers, optimal a boolean")
    offsets = tuple((buffer_id, offset) for buffer_id, offset in pairs)
    return Placement(offsets, data["height"], data["lower_bound"], data["optimal"])


def _decode(text: str, keys: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    data = json.loads(text)
    if not isinstance(data, dict) or set(data) - set(optional) != set(keys):
        raise ValueError(f"place: expected an object with the keys {', '.join(keys)}")
    return data


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ints(row: object, length: int) -> bool:
    return isinstance(row, list) and len(row) == length and all(_is_int(value) for value in row)
