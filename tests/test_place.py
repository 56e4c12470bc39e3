"""Placement: a validator that shares nothing with the solver, brute force on small problems, recorded heights."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinyml.plan import place_pairs, place_search
from tinyml.plan.place import (
    Buffer,
    Placement,
    Problem,
    lower_bound,
    placement_from_json,
    placement_to_json,
    problem_from_json,
    problem_to_json,
    solve,
)
from tinyml.plan.place_greedy import Item

DATA = Path(__file__).parent / "data" / "place"
RECORDED = json.loads((DATA / "heights.json").read_text(encoding="utf-8"))
PERFECT = sorted(name for name in RECORDED if name.startswith("perfect_"))


def validate(problem, placement):
    """Paint every byte in every step: no byte twice, offsets aligned, ids complete, height the highest byte."""
    buffers = {b.id: b for b in problem.buffers}
    assert [i for i, _ in placement.offsets] == [b.id for b in problem.buffers]
    painted = {}
    for buffer_id, offset in placement.offsets:
        b = buffers[buffer_id]
        assert offset >= 0 and offset % b.align == 0
        assert placement.offset(buffer_id) == offset
        for step in range(b.first, b.last + 1):
            painted.setdefault(step, []).append((offset, offset + b.size, b.id))
    highest = 0
    for step, intervals in painted.items():
        intervals = sorted(i for i in intervals if i[0] < i[1])
        for (_, end, below), (start, _, above) in zip(intervals, intervals[1:], strict=False):
            assert end <= start, f"buffers {below} and {above} share bytes in step {step}"
        highest = max([highest, *(end for _, end, _ in intervals)])
    assert placement.height == highest
    assert placement.lower_bound <= highest
    assert placement.optimal == (placement.lower_bound == highest)


def brute_force(problem):
    """Smallest height over all orders, each buffer at the lowest offset that is free: one order is an optimum's."""
    best = None
    for order in permutations(problem.buffers):
        placed = []
        for b in order:
            offset = 0
            while any(offset < o + p.size and o < offset + b.size and b.first <= p.last and p.first <= b.last for p, o in placed):
                offset += b.align
            placed.append((b, offset))
        height = max((o + p.size for p, o in placed), default=0)
        best = height if best is None else min(best, height)
    return best


@st.composite
def problems(draw, most, aligns, steps=8, largest=12):
    rows = []
    for i in range(draw(st.integers(1, most))):
        first = draw(st.integers(0, steps - 1))
        last = draw(st.integers(first, min(steps - 1, first + 4)))
        rows.append(Buffer(10 * i, draw(st.integers(1, largest)), draw(st.sampled_from(aligns)), first, last))
    return Problem(tuple(rows))


# Random problems are many; how long a busy machine takes to draw them proves nothing.
RELAXED = [HealthCheck.too_slow]


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(problems(40, (1, 2, 3, 4, 8, 16), steps=20, largest=60), st.sampled_from((0, 50, 3_000)))
def test_random_problems_are_placed_without_overlap(problem, effort):
    placement = solve(problem, effort)
    validate(problem, placement)
    assert placement == solve(problem, effort)
    assert placement.lower_bound >= lower_bound(problem)


@settings(max_examples=250, deadline=None, suppress_health_check=RELAXED)
@given(st.sampled_from(((1,), (4,), (3,))).flatmap(lambda aligns: problems(6, aligns)))
def test_small_problems_reach_a_proven_optimum(problem):
    placement = solve(problem)
    validate(problem, placement)
    assert placement.optimal
    assert placement.height == brute_force(problem)


@settings(max_examples=250, deadline=None, suppress_health_check=RELAXED)
@given(problems(6, (1, 2, 3, 4, 8)))
def test_small_problems_of_mixed_alignment_reach_the_optimum(problem):
    best = brute_force(problem)
    placement = solve(problem)
    validate(problem, placement)
    assert placement.lower_bound <= best
    assert placement.height == best


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(problems(6, (1, 2, 4), steps=6))
def test_each_search_alone_finds_the_optimum_and_refutes_one_byte_less(problem):
    # `solve` often stops at the greedy height; here each search has to find and to prove by itself.
    best = brute_force(problem)
    items = [Item(b.size, b.align, b.first, b.last) for b in problem.buffers]
    skyline = place_search.Skyline(items)
    answer = skyline.fit(best, 20_000)
    assert answer.offsets is not None
    offsets, refuted, _ = place_pairs.fit(items, best, 20_000)
    assert offsets is not None and not refuted
    for found in (answer.offsets, offsets):
        pairs = tuple((b.id, offset) for b, offset in zip(problem.buffers, found, strict=True))
        validate(problem, Placement(pairs, best, best, True))
    answer = skyline.fit(best - 1, 20_000)
    assert answer.offsets is None and answer.proved and answer.next_bound == best
    assert place_pairs.fit(items, best - 1, 20_000)[:2] == (None, True)


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(problems(6, (1, 2, 4), steps=6), st.integers(2, 6))
def test_a_refutation_never_skips_an_attainable_height(problem, less):
    best = brute_force(problem)
    items = [Item(b.size, b.align, b.first, b.last) for b in problem.buffers]
    answer = place_search.Skyline(items).fit(max(best - less, 0), 20_000)
    assert answer.offsets is None and answer.proved
    assert max(best - less, 0) < answer.next_bound <= best


def test_greedy_alone_misses_what_the_search_finds():
    name = PERFECT[1]
    problem = problem_from_json((DATA / f"{name}.json").read_text(encoding="utf-8"))
    assert solve(problem, 0).height > solve(problem).height == lower_bound(problem) == 65536


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_heights_do_not_worsen(name):
    problem = problem_from_json((DATA / f"{name}.json").read_text(encoding="utf-8"))
    recorded = RECORDED[name]
    placement = solve(problem, recorded["effort"])
    validate(problem, placement)
    assert placement.height <= recorded["height"], "the search became worse"
    assert placement.optimal >= recorded["optimal"]


def test_at_least_ten_of_the_perfect_packings_are_solved():
    # The optimum is the rectangle they were cut from; the recorded heights are held by the test above.
    assert len(PERFECT) == 11
    assert sum(RECORDED[name]["height"] == 65536 and RECORDED[name]["optimal"] for name in PERFECT) >= 10


def test_load_bound_counts_alignment_but_lets_small_buffers_use_padding():
    def bound(*rows):
        return lower_bound(Problem(tuple(Buffer(i, *row) for i, row in enumerate(rows))))

    assert bound() == 0
    assert bound((10, 16, 0, 0)) == 10
    assert bound((10, 16, 0, 0), (10, 16, 0, 0)) == 26
    assert bound((10, 16, 0, 0), (10, 16, 1, 1)) == 10
    assert bound((10, 16, 0, 1), (10, 16, 1, 2), (5, 16, 2, 3)) == 26
    # 10 + 6 bytes: the unaligned buffer fits into the padding, and so the bound must not be 16 + 6.
    assert bound((10, 16, 0, 0), (6, 1, 0, 0)) == 16
    assert bound((10, 16, 0, 0), (6, 1, 0, 0), (1, 16, 0, 0)) == 17


def test_capacity_that_is_met_stops_the_search():
    name = PERFECT[1]
    problem = problem_from_json((DATA / f"{name}.json").read_text(encoding="utf-8"))
    loose = solve(Problem(problem.buffers, capacity=solve(problem, 0).height))
    assert 65536 < loose.height <= solve(problem, 0).height
    assert not loose.optimal
    impossible = solve(Problem(problem.buffers, capacity=65535))
    assert impossible.height == 65536 and impossible.optimal


def test_empty_and_zero_sized():
    assert solve(Problem(())) == Placement((), 0, 0, True)
    placement = solve(Problem((Buffer(7, 0, 16, 0, 9), Buffer(3, 5, 4, 2, 2))))
    assert placement == Placement(((7, 0), (3, 0)), 5, 5, True)


def test_json_round_trip():
    problem = Problem((Buffer(7, 10, 16, 0, 9), Buffer(3, 5, 4, 2, 2)), capacity=99)
    assert problem_from_json(problem_to_json(problem)) == problem
    placement = solve(problem)
    assert placement_from_json(placement_to_json(placement)) == placement


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"buffers": []}',
        '{"capacity": "9", "buffers": []}',
        '{"capacity": null, "buffers": [[0, 1, 4, 0]]}',
        '{"capacity": null, "buffers": [[0, 1, 4, 0, 1.5]]}',
        '{"capacity": null, "buffers": [[0, -1, 4, 0, 1]]}',
        '{"capacity": null, "buffers": [[0, 1, 0, 0, 1]]}',
        '{"capacity": null, "buffers": [[0, 1, 4, 2, 1]]}',
        '{"capacity": null, "buffers": [[0, 1, 4, 0, 1], [0, 1, 4, 0, 1]]}',
        "{",
    ],
)
def test_malformed_problems_are_refused(text):
    with pytest.raises(ValueError):
        problem_from_json(text)
