"""Placement: a validator that shares nothing with the solver, brute force on small problems, recorded heights."""

import json
from itertools import combinations, permutations, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinyml.plan import place_exact, place_pairs, place_search
from tinyml.plan.place import (
    Buffer,
    Overlap,
    Placement,
    Problem,
    lower_bound,
    placement_from_json,
    placement_to_json,
    problem_from_json,
    problem_to_json,
    solve,
)
from tinyml.plan.place_gaps import Item, gaps_of

DATA = Path(__file__).parent / "data" / "place"
RECORDED = json.loads((DATA / "heights.json").read_text(encoding="utf-8"))
PERFECT = sorted(name for name in RECORDED if name.startswith("perfect_"))


def validate(problem, placement):
    """Paint every byte in every step: no byte twice but by pairs that keep an overlap's distance, offsets aligned, ids
    complete, height the highest byte."""
    may_share = {
        frozenset((o.low, o.high)) for o in problem.overlaps if placement.offset(o.high) - placement.offset(o.low) >= o.distance_bytes
    }
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
        intervals = [i for i in intervals if i[0] < i[1]]
        for (start, end, one), (begin, stop, other) in combinations(intervals, 2):
            apart = end <= begin or stop <= start
            assert apart or frozenset((one, other)) in may_share, f"buffers {one} and {other} share bytes in step {step}"
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


def brute_force_with_overlaps(problem):
    """Smallest height over every choice of one alternative per pair; the least offsets of a choice by relaxation."""
    buffers = problem.buffers
    choices = []
    for a, b in combinations(buffers, 2):
        if a.first <= b.last and b.first <= a.last:
            # (x, y, g) stands for offset[y] - offset[x] >= g.
            choices.append([(a.id, b.id, a.size), (b.id, a.id, b.size)])
            choices[-1] += [(o.low, o.high, o.distance_bytes) for o in problem.overlaps if {o.low, o.high} == {a.id, b.id}]
    align = {b.id: b.align for b in buffers}
    total = sum(b.size + b.align for b in buffers)
    best = None
    for chosen in product(*choices):
        offset = {b.id: 0 for b in buffers}
        moved = True
        while moved and max(offset.values()) <= total:
            moved = False
            for x, y, gap in chosen:
                if offset[y] < offset[x] + gap:
                    offset[y] = -(-(offset[x] + gap) // align[y]) * align[y]
                    moved = True
        if not moved:
            height = max(offset[b.id] + b.size for b in buffers)
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


@st.composite
def overlapping(draw, most, aligns, steps=8, largest=12):
    """Problems whose overlaps join any two buffers, more often than not an output and an input that dies at its birth."""
    problem = draw(problems(most, aligns, steps, largest))
    overlaps = []
    for a, b in combinations(problem.buffers, 2):
        if a.first <= b.last and b.first <= a.last and draw(st.integers(0, 3)):
            low, high = (a, b) if b.last == a.first or draw(st.booleans()) else (b, a)
            least = -high.size if draw(st.integers(0, 4)) == 0 else 0
            overlaps.append(Overlap(low.id, high.id, draw(st.integers(least, low.size))))
    return Problem(problem.buffers, tuple(overlaps))


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
    offsets, refuted, _ = place_pairs.fit(items, gaps_of(items), best, 20_000)
    assert offsets is not None and not refuted
    for found in (answer.offsets, offsets):
        pairs = tuple((b.id, offset) for b, offset in zip(problem.buffers, found, strict=True))
        validate(problem, Placement(pairs, best, best, True))
    answer = skyline.fit(best - 1, 20_000)
    assert answer.offsets is None and answer.proved and answer.next_bound == best
    assert place_pairs.fit(items, gaps_of(items), best - 1, 20_000)[:2] == (None, True)


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(problems(6, (1, 2, 4), steps=6), st.integers(2, 6))
def test_a_refutation_never_skips_an_attainable_height(problem, less):
    best = brute_force(problem)
    items = [Item(b.size, b.align, b.first, b.last) for b in problem.buffers]
    answer = place_search.Skyline(items).fit(max(best - less, 0), 20_000)
    assert answer.offsets is None and answer.proved
    assert max(best - less, 0) < answer.next_bound <= best


@settings(max_examples=120, deadline=None, suppress_health_check=RELAXED)
@given(overlapping(30, (1, 4, 16), steps=15, largest=60), st.sampled_from((0, 50, 600)))
def test_random_problems_with_overlaps_are_placed_within_their_distances(problem, effort):
    placement = solve(problem, effort)
    validate(problem, placement)
    assert placement == solve(problem, effort)
    assert placement.lower_bound >= lower_bound(problem)


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(st.sampled_from(((1,), (4,), (1, 2, 4))).flatmap(lambda aligns: overlapping(4, aligns, steps=4)))
def test_small_problems_with_overlaps_reach_the_optimum(problem):
    best = brute_force_with_overlaps(problem)
    assert lower_bound(problem) <= best
    placement = solve(problem)
    validate(problem, placement)
    assert placement.lower_bound <= best
    assert placement.height == best


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(overlapping(4, (1, 2, 4), steps=3))
def test_the_search_alone_finds_the_optimum_with_overlaps_and_refutes_one_byte_less(problem):
    best = brute_force_with_overlaps(problem)
    index = {b.id: i for i, b in enumerate(problem.buffers)}
    items = [Item(b.size, b.align, b.first, b.last) for b in problem.buffers]
    gaps = gaps_of(items, [(index[o.low], index[o.high], o.distance_bytes) for o in problem.overlaps])
    found, refuted, _ = place_pairs.fit(items, gaps, best, 20_000)
    assert found is not None and not refuted
    pairs = tuple((b.id, offset) for b, offset in zip(problem.buffers, found, strict=True))
    validate(problem, Placement(pairs, best, best, True))
    assert place_pairs.fit(items, gaps, best - 1, 20_000)[:2] == (None, True)


def test_the_surroundings_of_the_peak_prove_what_the_whole_search_can_not():
    # The optimum lies above the load bound, and 7,000 nodes on all 74 buffers do not refute one byte less.
    problem = problem_from_json((DATA / "rows_graph_60_1.json").read_text(encoding="utf-8"))
    placement = solve(problem)
    validate(problem, placement)
    assert placement.optimal
    assert placement.height == 41460 > lower_bound(problem)


@settings(max_examples=200, deadline=None, suppress_health_check=RELAXED)
@given(overlapping(4, (1, 2, 4), steps=4))
def test_a_part_never_refutes_an_attainable_height(problem):
    best = brute_force_with_overlaps(problem)
    index = {b.id: i for i, b in enumerate(problem.buffers)}
    items = [Item(b.size, b.align, b.first, b.last) for b in problem.buffers]
    gaps = gaps_of(items, [(index[o.low], index[o.high], o.distance_bytes) for o in problem.overlaps])
    assert not place_exact.part_refutes(items, gaps, best, 80_000)
    # Four steps are all of them within reach of any peak.
    assert place_exact.part_refutes(items, gaps, best - 1, 80_000)


def test_overlaps_by_hand():
    def heights(buffers, *overlaps):
        problem = Problem(tuple(Buffer(i, *row) for i, row in enumerate(buffers)), tuple(Overlap(*row) for row in overlaps))
        placement = solve(problem)
        validate(problem, placement)
        assert placement.optimal
        return lower_bound(problem), placement.height

    # An output of 60 bytes trails its input of 100 at 10 bytes, and at 70, where it needs its own place.
    pair = [(100, 1, 0, 1), (60, 1, 1, 2)]
    assert heights(pair, (1, 0, 10)) == (110, 110)
    assert heights(pair, (1, 0, 60)) == heights(pair) == (160, 160)
    # A larger output begins below its input and ends above it.
    assert heights([(60, 1, 0, 1), (100, 1, 1, 2)], (1, 0, 10)) == (100, 100)
    assert heights([(60, 1, 0, 1), (100, 1, 1, 2)], (1, 0, 55)) == (115, 115)
    # Written from the last row to the first: it may start below the input if it ends 10 bytes behind it.
    assert heights(pair, (0, 1, 100 + 10 - 60)) == (110, 110)
    # Rounded up to the alignment; the padding of the topmost does not count.
    assert heights([(100, 16, 0, 1), (60, 16, 1, 2)], (1, 0, 10)) == (116, 116)
    # Two inputs and an output that may trail both: the inputs share nothing, and the nearer one decides.
    assert heights([(50, 1, 0, 2), (40, 1, 1, 2), (80, 1, 2, 3)], (2, 0, 5), (2, 1, 20)) == (95, 95)
    # A chain of three walks down: the first lies two distances up, which no single step shows.
    chain = [(100, 1, 0, 1), (90, 1, 1, 2), (95, 1, 2, 3)]
    assert heights(chain, (1, 0, 5), (2, 1, 5)) == (105, 110)


def test_load_bound_of_stars():
    def bound(sizes, *overlaps):
        buffers = tuple(Buffer(i, size, 1, 0, 0) for i, size in enumerate(sizes))
        return lower_bound(Problem(buffers, tuple(Overlap(*row) for row in overlaps)))

    # Leaving out the near but tiny input gives more than 101 + 0.
    assert bound((80, 100, 1), (0, 1, 50), (0, 2, 0)) == 150
    # What may overlap nothing adds up beside the star.
    assert bound((80, 100, 7), (0, 1, 50)) == 157
    # One leaf ahead, one behind: together they cover the centre.
    assert bound((30, 40, 40), (0, 1, 5), (2, 0, 40 + 5 - 30)) == 80


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


def test_all_perfect_packings_are_solved():
    # The optimum is the rectangle they were cut from; the recorded heights are held by the test above.
    assert len(PERFECT) == 11
    assert sum(RECORDED[name]["height"] == 65536 and RECORDED[name]["optimal"] for name in PERFECT) == 11


def test_all_dense_sets_of_one_mebibyte_are_solved():
    sets = [name for name in RECORDED if name.startswith("mini_")]
    assert len(sets) == 11
    assert sum(RECORDED[name]["height"] == 1 << 20 and RECORDED[name]["optimal"] for name in sets) == 11


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
    problem = Problem(problem.buffers, (Overlap(7, 3, 4), Overlap(3, 7, -2)))
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
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": [[0, 1]]}',
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": 7}',
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": [[0, 2, 1]]}',
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": [[0, 0, 1]]}',
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": [[0, 1, 10]]}',
        '{"capacity": null, "buffers": [[0, 9, 1, 0, 1], [1, 5, 1, 0, 1]], "overlaps": [[0, 1, -6]]}',
        "{",
    ],
)
def test_malformed_problems_are_refused(text):
    with pytest.raises(ValueError):
        problem_from_json(text)
