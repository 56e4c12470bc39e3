"""Placement: the project's search against OR-Tools CP-SAT, on the problems in tests/data/place.

    python benchmarks/place.py [--seconds 10] [--effort 80000] [--only NAME]    compare (needs ortools)
    python benchmarks/place.py --write                                          make the problem files again

Problems: `perfect_*` and `mini_*` are 11 rectangles (steps x bytes) each, cut at random into 100 to 450 buffers, so the
optimum is the rectangle's height (64 KiB, and 1 MiB as in MiniMalloc's problems); `rows_*` are networks whose operators
work row by row, so that outputs may overlap dying inputs at a distance; the others are lives as networks make them (chain, residual blocks, U-net, inception, dense
blocks, random graphs), some with mixed alignments.

Which one the planner uses, and why.  Measured with ortools 9.15 (CP-SAT, one worker, at most 10 s a problem) and effort
80,000, on one core of a machine shared with other work:

- the 11 perfect packings: own search 11 optima in 0.05 to 1.5 s; CP-SAT none in 10 s, 15 to 35 % above the optimum;
- the 12 network-like problems: CP-SAT the optimum of all in 0.01 to 1.3 s; own search the optimum of 10 in 0.01 to
  1.2 s (it proves 9), and 0.2 % (dense_0) and 8 bytes (random_graph_0) above it on the others, after 1 to 2.2 s;
- the 11 sets of 1 MiB (100 to 450 buffers, up to 148 of them alive at once): own search 11 optima, ten in 0.06 to 1.6 s and
  one in 13.5 s; CP-SAT none in 10 s;
- the 12 networks with overlaps: both reach and prove the optimum of all, own search in 0.01 to 0.4 s and once 1.9 s,
  CP-SAT (one worker, at most 6 s) in 0.05 to 1.2 s;
- greedy alone: 0 to 16 % above the optimum on networks, 4 to 44 % on perfect packings.

So the planner uses its own search: as good on networks to within 0.2 %, far better where memory is full, without a
dependency of tens of megabytes, and repeatable, since it counts nodes where CP-SAT needs a time limit.  OR-Tools stays
a development dependency that checks the search here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from random import Random

from tinyml.plan.place import Buffer, Overlap, Problem, lower_bound, problem_from_json, problem_to_json, solve

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "place"


def perfect(seed: int, count: int, unit: int = 16, upright: float = 0.5, steps: int = 400, units: int = 4096) -> Problem:
    """A rectangle of `steps` x `units * unit` bytes, cut into `count` buffers at random, in random order.

    `upright` is the share of cuts between two steps; the fewer, the more buffers are alive at once.
    """
    random = Random(seed)
    cuts = [(0, steps, 0, units)]

    def area(i: int) -> int:
        left, right, low, high = cuts[i]
        return (right - left) * (high - low)

    while len(cuts) < count:
        left, right, low, high = cuts.pop(max(range(len(cuts)), key=lambda i: area(i) * random.random()))
        if (random.random() < upright and right - left > 1) or high - low == 1:
            middle = random.randrange(left + 1, right)
            cuts += [(left, middle, low, high), (middle, right, low, high)]
        else:
            middle = random.randrange(low + 1, high)
            cuts += [(left, right, low, middle), (left, right, middle, high)]
    random.shuffle(cuts)
    return Problem(tuple(Buffer(i, (high - low) * unit, unit, a, b - 1) for i, (a, b, low, high) in enumerate(cuts)))


class Lives:
    """Collects buffers while a network is written down op by op; one op is one step."""

    def __init__(self, aligns: tuple[int, ...] = (16,), seed: int = 0) -> None:
        self.rows: list[list[int]] = []
        self.step = 0
        self.aligns = aligns
        self.random = Random(seed)

    def op(self, inputs: list[int], size: int, scratch: int = 0) -> int:
        for i in inputs:
            self.rows[i][3] = self.step
        self.rows.append([size, self.random.choice(self.aligns), self.step, self.step])
        made = len(self.rows) - 1
        if scratch:
            self.rows.append([scratch, self.random.choice(self.aligns), self.step, self.step])
        self.step += 1
        return made

    def problem(self) -> Problem:
        return Problem(tuple(Buffer(i, *row) for i, row in enumerate(self.rows)))


def chain(seed: int, length: int) -> Problem:
    lives = Lives((4, 16), seed)
    last = lives.op([], 27_648)
    for _ in range(length):
        last = lives.op([last], lives.random.randrange(1_000, 60_000), lives.random.choice((0, 0, 1_152, 4_612)))
    return lives.problem()


def residual(seed: int, blocks: int) -> Problem:
    lives = Lives((1, 4, 16), seed)
    last = lives.op([], 48 * 48 * 8)
    for block in range(blocks):
        size = 48 * 48 * 8 >> (block // 4)
        wide = lives.op([last], size * lives.random.choice((3, 4, 6)))
        deep = lives.op([wide], lives.rows[wide][0] // lives.random.choice((1, 1, 2)), 9 * 48)
        gate = lives.op([deep], lives.random.randrange(16, 200))
        deep = lives.op([deep, gate], lives.rows[deep][0])
        narrow = lives.op([deep], size)
        last = lives.op([last, narrow], size)
    return lives.problem()


def unet(seed: int, depth: int) -> Problem:
    lives = Lives((4, 16), seed)
    last = lives.op([], 96 * 96 * 3)
    skips = []
    for level in range(depth):
        size = lives.random.randrange(30_000, 90_000) >> level
        last = lives.op([lives.op([last], size)], size, 2_304)
        skips.append(last)
        last = lives.op([last], size // 4)
    for skip in reversed(skips):
        up = lives.op([last], lives.rows[skip][0])
        last = lives.op([lives.op([up, skip], 2 * lives.rows[skip][0])], lives.rows[skip][0], 2_304)
    return lives.problem()


def inception(seed: int, blocks: int) -> Problem:
    lives = Lives((4, 16), seed)
    last = lives.op([], 30_000)
    for _ in range(blocks):
        ends = []
        for _ in range(lives.random.randrange(2, 5)):
            branch = last
            for _ in range(lives.random.randrange(1, 4)):
                branch = lives.op([branch], lives.random.randrange(2_000, 80_000), lives.random.choice((0, 1_024)))
            ends.append(branch)
        last = lives.op(ends, sum(lives.rows[i][0] for i in ends))
    return lives.problem()


def dense(seed: int, layers: int) -> Problem:
    lives = Lives((16,), seed)
    made = [lives.op([], 12_288)]
    for _ in range(layers):
        wide = lives.op(made[-6:], lives.random.randrange(8_000, 24_000))
        made.append(lives.op([wide], lives.random.randrange(3_000, 9_000), 1_152))
    return lives.problem()


def random_graph(seed: int, nodes: int) -> Problem:
    lives = Lives((1, 4, 8, 16), seed)
    made: list[int] = []
    for _ in range(nodes):
        near = made[-8:]
        inputs = lives.random.sample(near, min(len(near), lives.random.randrange(1, 4)))
        made.append(lives.op(inputs, lives.random.randrange(100, 30_000)))
    return lives.problem()


class Rows:
    """Collects buffers like `Lives`, but of rows, with the overlaps of operators that write row after row."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        # Per buffer: bytes, first step, last step, rows, bytes of a row.
        self.made: list[list[int]] = []
        self.overlaps: list[Overlap] = []
        self.step = 0

    def op(self, inputs: list[int], rows: int, row: int, stride: int = 1, pad: int = 0, scratch: int = 0) -> int:
        for i in inputs:
            self.made[i][2] = self.step
        out = len(self.made)
        self.made.append([rows * row, self.step, self.step, rows, row])
        for i in dict.fromkeys(inputs):
            size, _, _, in_rows, in_row = self.made[i]
            # When output row r is written, the input's rows from r * stride - pad on are still needed.
            needed = (max(0, min(in_rows - 1, r * stride - pad)) * in_row for r in range(rows))
            distance = max(0, min(rows * row, max((r + 1) * row - n for r, n in enumerate(needed))))
            self.overlaps.append(Overlap(out, i, distance))
            if self.random.random() < 0.5:
                # Some operators may also write from the last row to the first.
                self.overlaps.append(Overlap(i, out, size + distance - rows * row))
        if scratch:
            self.made.append([scratch, self.step, self.step, 1, scratch])
        self.step += 1
        return out

    def problem(self) -> Problem:
        """Only an input that dies in the operator's step may be overwritten."""
        buffers = tuple(Buffer(i, made[0], 4, made[1], made[2]) for i, made in enumerate(self.made))

        def one_step(o: Overlap) -> bool:
            (_, first, last, *_), (_, begin, end, *_) = self.made[o.low], self.made[o.high]
            return min(last, end) == max(first, begin)

        return Problem(buffers, tuple(o for o in self.overlaps if one_step(o)))


def rows_chain(seed: int, length: int) -> Problem:
    net = Rows(seed)
    rows, channels = 48, 3
    last = net.op([], rows, rows * channels)
    for _ in range(length):
        stride = 2 if net.random.random() < 0.12 and rows >= 6 else 1
        rows //= stride
        channels = net.random.choice((8, 16, 24, 32, 64, 96)) if net.random.random() < 0.7 else channels
        last = net.op([last], rows, rows * channels, stride, net.random.choice((0, 1, 1, 2)), net.random.choice((0, 0, 512)))
    return net.problem()


def rows_residual(seed: int, blocks: int) -> Problem:
    net = Rows(seed)
    rows, channels = 48, 8
    last = net.op([], rows, rows * channels)
    for block in range(blocks):
        if block % 4 == 3 and rows > 6:
            rows, channels = rows // 2, channels + 8
            last = net.op([last], rows, rows * channels, 2, 1)
        wide = net.op([last], rows, rows * channels * net.random.choice((3, 4, 6)))
        deep = net.op([wide], rows, net.made[wide][4], 1, 1, 300)
        last = net.op([last, net.op([deep], rows, rows * channels)], rows, rows * channels)
    return net.problem()


def rows_concat(seed: int, blocks: int) -> Problem:
    net = Rows(seed)
    rows = 32
    last = net.op([], rows, rows * 8)
    for block in range(blocks):
        ends = []
        for _ in range(net.random.randrange(2, 5)):
            branch = last
            for _ in range(net.random.randrange(1, 4)):
                branch = net.op([branch], rows, rows * net.random.choice((4, 8, 12, 20)), 1, net.random.choice((0, 1, 2)))
            ends.append(branch)
        last = net.op(ends, rows, sum(net.made[i][4] for i in ends))
        if block % 3 == 2 and rows > 8:
            rows //= 2
            last = net.op([last], rows, rows * 16, 2, 1)
    return net.problem()


def rows_graph(seed: int, nodes: int) -> Problem:
    net = Rows(seed)
    made: list[int] = []
    for _ in range(nodes):
        near = made[-(2, 4, 8)[seed % 3] :]
        inputs = net.random.sample(near, min(len(near), net.random.choice((1, 1, 2))))
        made.append(net.op(inputs, 16, net.random.randrange(20, 1_000), 1, net.random.choice((0, 1, 2)), net.random.choice((0, 0, 300))))
    return net.problem()


def suite() -> Iterator[tuple[str, Problem]]:
    for seed in range(11):
        yield f"perfect_{seed:02}_{100 + 30 * seed}", perfect(seed, 100 + 30 * seed)
    for k in range(11):
        yield f"mini_{k:02}_{100 + 35 * k}", perfect(100 + k, 100 + 35 * k, unit=256, upright=(0.4, 0.5, 0.6)[k % 3])
    kinds: tuple[tuple[Callable[[int, int], Problem], int], ...] = (
        (chain, 60),
        (residual, 16),
        (unet, 5),
        (inception, 14),
        (dense, 30),
        (random_graph, 120),
        (rows_chain, 60),
        (rows_residual, 16),
        (rows_concat, 12),
        (rows_graph, 60),
        (rows_graph, 110),
    )
    for make, length in kinds:
        for seed in range(2 if make is not rows_graph else 3):
            name = make.__name__ if make is not rows_graph else f"rows_graph_{length}"
            yield f"{name}_{seed}", make(seed, length)


def cp_sat(problem: Problem, seconds: float) -> tuple[int | None, int]:
    """(height found or None, bound proven) by CP-SAT.

    Fixed time intervals x offset intervals, no overlap in 2-D; with overlaps a choice of alternatives for each pair.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    # No placement needs more than all buffers above each other.
    highest = sum(b.size + b.align for b in problem.buffers)
    top = model.new_int_var(lower_bound(problem), highest, "height")
    start = {b.id: b.align * model.new_int_var(0, highest // b.align, f"o{b.id}") for b in problem.buffers}
    for b in problem.buffers:
        model.add(start[b.id] + b.size <= top)
    if problem.overlaps:
        for a, b in combinations(problem.buffers, 2):
            if a.first <= b.last and b.first <= a.last:
                orders = [(a.id, b.id, a.size), (b.id, a.id, b.size)]
                orders += [(o.low, o.high, o.distance_bytes) for o in problem.overlaps if {o.low, o.high} == {a.id, b.id}]
                chosen = [model.new_bool_var("") for _ in orders]
                for (low, high, gap), literal in zip(orders, chosen, strict=True):
                    model.add(start[high] - start[low] >= gap).only_enforce_if(literal)
                model.add_bool_or(chosen)
    else:
        times = [model.new_fixed_size_interval_var(b.first, b.last + 1 - b.first, "") for b in problem.buffers]
        places = [model.new_interval_var(start[b.id], b.size, start[b.id] + b.size, "") for b in problem.buffers]
        model.add_no_overlap_2d(times, places)
        model.add_cumulative(times, [b.size for b in problem.buffers], top)
    model.minimize(top)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return (int(solver.objective_value) if found else None), int(solver.best_objective_bound)


def write(effort: int) -> None:
    """Write the problems, and the heights reached, which the tests hold the search to.

    Where the optimum is not proven, the record is what an eighth of the effort reaches: the test need not wait.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    heights = {}
    for name, problem in suite():
        (DATA / f"{name}.json").write_text(problem_to_json(problem) + "\n", encoding="utf-8")
        spent = effort
        placement = solve(problem, spent)
        if not placement.optimal:
            spent = effort // 8
            placement = solve(problem, spent)
        heights[name] = {"effort": spent, "height": placement.height, "optimal": placement.optimal}
    (DATA / "heights.json").write_text(json.dumps(heights, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="compare the project's placement search with OR-Tools CP-SAT")
    parser.add_argument("--seconds", type=float, default=10.0, help="limit of CP-SAT on each problem; 0 leaves it out")
    parser.add_argument("--effort", type=int, default=80_000, help="search nodes of the project's search")
    parser.add_argument("--only", default="", help="problems whose name contains this")
    parser.add_argument("--write", action="store_true", help="write the problem files and recorded heights, then stop")
    options = parser.parse_args()
    if options.write:
        write(options.effort)
        return
    print(f"{'problem':20} {'n':>4} {'bound':>8} {'greedy':>8} {'own':>8} {'proved':>6} {'s':>6}   {'CP-SAT':>8} {'s':>6}")
    for path in sorted(DATA.glob("*_*.json")):
        if options.only not in path.stem:
            continue
        problem = problem_from_json(path.read_text(encoding="utf-8"))
        greedy = solve(problem, 0).height
        start = time.perf_counter()
        own = solve(problem, options.effort)
        own_seconds = time.perf_counter() - start
        row = (
            f"{path.stem:20} {len(problem.buffers):4} {lower_bound(problem):8} {greedy:8} {own.height:8} "
            f"{'yes' if own.optimal else 'no':>6} {own_seconds:6.2f}"
        )
        if options.seconds > 0:
            start = time.perf_counter()
            theirs, bound = cp_sat(problem, options.seconds)
            mark = "" if theirs is not None and theirs == bound else f" (bound {bound})"
            row += f"   {theirs if theirs is not None else 'none':>8} {time.perf_counter() - start:6.2f}{mark}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
