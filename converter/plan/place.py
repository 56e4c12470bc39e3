"""Placement of buffers in one memory bank: the problem, its bound, and `solve`.

A buffer has a size, an alignment and a life in steps.  Two buffers whose lives share a step must not share a byte.
`solve` looks for the offsets with the smallest height, that is the smallest arena.

The method, cheapest first, stops as soon as a height equals a proven bound:

1. the load bound: no arena is lower than the bytes that are alive in one step (`lower_bound`);
2. greedy placement in several orders, then greedy placement again with the offenders moved to the front
   (`place_greedy`);
3. two exact searches, over skylines (`place_search`) and over pairs (`place_pairs`), asked "does it fit in C bytes?"
   for several C (`place_exact`).

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
class Problem:
    """Buffers with distinct ids.

    `capacity` (bytes), where given, means that any height up to it is good enough: the search stops there.
    Without it the height is minimised.
    """

    buffers: tuple[Buffer, ...]
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
    """Raise ValueError for a negative size, an alignment below 1, an empty life or a repeated id."""
    seen: set[int] = set()
    for buffer in problem.buffers:
        if buffer.size < 0 or buffer.align < 1 or buffer.first > buffer.last:
            raise ValueError(f"place: buffer {buffer.id} is malformed: {buffer}")
        if buffer.id in seen:
            raise ValueError(f"place: buffer id {buffer.id} is used twice")
        seen.add(buffer.id)


def lower_bound(problem: Problem) -> int:
    """The load bound in bytes: the largest, over steps, of what the buffers alive in that step need side by side.

    Of the buffers whose alignment is a multiple of `a`, each takes its size rounded up to `a`, except that the topmost
    one need not be rounded.  The need of a step is the largest over the alignments `a` that occur; buffers of finer
    alignment may use the padding of coarser ones, so their sum is not simply added.
    """
    buffers = [b for b in problem.buffers if b.size > 0]
    best = 0
    starts = sorted({b.first for b in buffers})
    for align in sorted({b.align for b in buffers} | {1}):
        group = [b for b in buffers if b.align % align == 0]
        for step in starts:
            padded = waste = 0
            for b in group:
                if b.first <= step <= b.last:
                    pad = -b.size % align
                    padded += b.size + pad
                    waste = max(waste, pad)
            best = max(best, padded - waste)
    return best


def solve(problem: Problem, effort: int = DEFAULT_EFFORT) -> Placement:
    """The best placement that `effort` search nodes find (the default takes 0.01 to 4 s); 0 means greedy only.

    Raises ValueError for a malformed problem.  A height above `problem.capacity` is returned, not raised: the caller
    knows what the peak is made of and can say what would make it fit.

    A later rule "b may overlap a where offset_b + d <= offset_a" (an output that trails its input) would enter in
    `place_greedy.free_gaps`, where a placed neighbour forbids an interval of offsets: a would forbid b only the
    offsets above offset_a - d.  In `place_pairs` it is a smaller distance of one order of one pair.  `place_search`
    adds up sizes and would be left out for such problems, and the load bound would count such a pair as the larger
    of size_a + d and size_b in the steps they share.
    """
    verify_problem(problem)
    # A buffer of no bytes overlaps nothing and may lie at 0.
    sized = [b for b in problem.buffers if b.size > 0]
    items = tuple(place_greedy.Item(b.size, b.align, b.first, b.last) for b in sized)
    bound = lower_bound(problem)
    goal = bound if problem.capacity is None else max(bound, problem.capacity)
    found = place_greedy.best(items, goal, rounds=min(60, effort // 100))
    if place_greedy.height(items, found) > goal and effort > 0:
        found, bound = place_exact.improve(items, found, bound, goal, effort)
    offset_of = {b.id: offset for b, offset in zip(sized, found, strict=True)}
    height = place_greedy.height(items, found)
    return Placement(
        offsets=tuple((b.id, offset_of.get(b.id, 0)) for b in problem.buffers),
        height=height,
        lower_bound=bound,
        optimal=height == bound,
    )


def problem_to_json(problem: Problem) -> str:
    """One JSON object: `capacity` and `buffers`, each a list [id, size, align, first, last]."""
    rows = [[b.id, b.size, b.align, b.first, b.last] for b in problem.buffers]
    return json.dumps({"capacity": problem.capacity, "buffers": rows})


def problem_from_json(text: str) -> Problem:
    """Inverse of `problem_to_json`; ValueError where the text is not such a problem."""
    data = _decode(text, ("capacity", "buffers"))
    rows = data["buffers"]
    capacity = data["capacity"]
    if not isinstance(rows, list) or not all(_is_ints(row, 5) for row in rows):
        raise ValueError("place: buffers must be lists of five integers")
    if capacity is not None and not _is_int(capacity):
        raise ValueError("place: capacity must be an integer or null")
    problem = Problem(tuple(Buffer(*row) for row in rows), capacity)
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


def _decode(text: str, keys: Iterable[str]) -> dict[str, Any]:
    data = json.loads(text)
    if not isinstance(data, dict) or set(data) != set(keys):
        raise ValueError(f"place: expected an object with the keys {', '.join(keys)}")
    return data


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ints(row: object, length: int) -> bool:
    return isinstance(row, list) and len(row) == length and all(_is_int(value) for value in row)
