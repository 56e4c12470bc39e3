"""From a graph to a checked plan: the order of operators, storage, placement. The only caller of the solvers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from tinyml.errors import UsageError
from tinyml.ir import Graph
from tinyml.opspec import Elementwise, load_ops
from tinyml.plan.check import check
from tinyml.plan.flows import Flows
from tinyml.plan.join import best_joined, joined, pairs
from tinyml.plan.kernels import economical, estimated, with_joins
from tinyml.plan.model import Arena, Plan, Schedule, Target
from tinyml.plan.order import OrderProblem, best_order
from tinyml.plan.place import DEFAULT_EFFORT, Placement
from tinyml.plan.place_banks import Room, Split, one_bank, place_buffers, split
from tinyml.plan.repeat import repeating
from tinyml.plan.room import fill_holes
from tinyml.plan.rows import RowNode, pushed_input
from tinyml.plan.schedule import ALIGN, make_schedule
from tinyml.plan.stages import Progress, StageProblem, chains, options
from tinyml.plan.tile_search import Patches, tile_options, with_patches

MOST_TRIED = 6  # pairs of nodes that are joined one by one, each time with a placement


def order_problem(graph: Graph) -> OrderProblem:
    """The graph as the order search sees it: bytes read, written and taken over by each node."""
    specs = load_ops()
    preds, reads, writes, inplace = [], [], [], []
    for node in graph.nodes:
        live = [t for t in dict.fromkeys(node.inputs) if t is not None and not graph.tensors[t].is_const]
        preds.append(tuple(sorted({graph.producer[t] for t in live if t in graph.producer})))
        reads.append(tuple(live))
        writes.append(node.outputs)
        patterns = zip(node.inputs, specs[node.op].access(graph.view(node)), strict=True)
        same = [t for t, a in patterns if isinstance(a, Elementwise) and t in live]
        size = graph.tensors[node.outputs[0]].bytes
        inplace.append(tuple(t for t in same if graph.tensors[t].bytes == size))
    sizes = tuple(graph.tensors[t].bytes if t in graph.tensors else 0 for t in range(graph.fresh_id()))
    return OrderProblem(
        n_nodes=len(graph.nodes), preds=tuple(preds), reads=tuple(reads), writes=tuple(writes), inplace=tuple(inplace),
        scratch=(0,) * len(graph.nodes), size=sizes,
        inputs=graph.inputs, outputs=graph.outputs,
    )  # fmt: skip


def reorder(graph: Graph) -> Graph:
    """The graph with its nodes in the order of least peak memory; the given order wins ties."""
    order = best_order(order_problem(graph))
    return graph.with_(nodes=tuple(graph.nodes[k] for k in order.sequence))


def place(schedule: Schedule) -> Placement:
    """All of its buffers in one arena."""
    return place_buffers(schedule, schedule.buffers, None)


@dataclass(frozen=True)
class Goal:
    """What a plan is for. arena_bytes: budget of the arena in the main RAM, None where any size will do. rooms: the banks that
    there are for arenas, the main RAM first; empty where it is the only one.

    optimize "ram": the smallest arena whose multiply-accumulates stay within max_overhead times the model's. Any other:
    the plan that costs least time within the budget, or the smallest one where none fits. Where no plan fits into the main
    RAM, the arena may also lie in another bank, or become several; "latency" also moves what is used most to a faster bank."""

    optimize: str = "balanced"
    max_overhead: float = 1.10
    arena_bytes: int | None = None
    push_rows: bool = False  # the input comes row by row and is never stored whole
    patches: Patches | None = None  # the first operators must run so
    rooms: tuple[Room, ...] = ()


BALANCED = Goal()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A placed schedule that is not checked yet. cost: instructions more than layer by layer, estimated; extra_macs:
    multiply-accumulates that it does more than once."""

    graph: Graph  # in the order of its schedule, with what is computed twice
    cost: int
    extra_macs: int
    schedule: Schedule
    placement: Placement
    make: Callable[[Mapping[int, int]], Schedule]  # the same schedule with so much scratch for its steps

    @property
    def height(self) -> int:
        return self.placement.height


def make_plan(
    graph: Graph, target: Target, progress: Progress = lambda text: None, goal: Goal = BALANCED
) -> Plan:
    """The checked plan that serves the goal best, or the best one found when `progress` ended the search. Raises
    InternalError if the checker refuses it, UsageError where rows are to be pushed into a network that can not take them."""
    progress("ordering operators")
    graph = reorder(graph)
    every, target = target, economical(graph, target)
    chosen = _choose(_candidates(graph, target, progress, goal), goal)
    if goal.arena_bytes is not None and chosen.height > goal.arena_bytes and with_joins(target) != target:
        target = with_joins(target)
        chosen = _choose(_candidates(graph, target, progress, goal), goal)
    schedule, placement = chosen.schedule, chosen.placement
    crowded = target.optimize == "ram"  # kernels were chosen for their scratch
    if goal.arena_bytes is not None and chosen.height > goal.arena_bytes:
        spread = _spread(graph, target, progress, goal)
        if spread is not None:
            progress("checking the plan")
            return split_plan(*spread)
        # the last resort: kernels without scratch, which take several times as long, but where there is room for more
        bare = _choose(_candidates(graph, replace(every, scratch_bytes=0), progress, goal), goal)
        if bare.height < chosen.height:
            chosen, crowded = bare, True
    if crowded:
        schedule, placement = fill_holes(chosen.schedule, chosen.placement, chosen.make)
    room = one_bank(placement.height, goal.rooms)
    if goal.optimize == "latency" and room and any(r.cycles < room.cycles for r in goal.rooms):
        hot = split(chosen.graph, schedule, goal.rooms)
        if hot and len(hot.parts) > 1:
            progress("checking the plan")
            return split_plan(chosen.graph, schedule, hot)
    progress("checking the plan")
    return _checked(chosen.graph, schedule, placement, room.bank if room else "")


def _spread(
    graph: Graph, target: Target, progress: Progress, goal: Goal
) -> tuple[Graph, Schedule, Split] | None:
    """The best plan over all banks, where none fits into the main one. None where there is no other bank, or it does not help."""
    if len(goal.rooms) < 2:
        return None
    total = sum(r.size_bytes for r in goal.rooms)
    best: tuple[tuple[int, int], Candidate, Split] | None = None
    for c in _candidates(graph, target, progress, replace(goal, optimize="ram", arena_bytes=None), every=goal.optimize != "ram"):
        if c.placement.lower_bound > total or (best and goal.optimize != "ram" and c.cost >= best[0][0]):
            continue
        if progress("choosing memory banks") and best:
            break
        found = split(c.graph, c.schedule, goal.rooms)
        if found:
            cost = c.cost + found.slow_cycles
            rank = (found.height, cost) if goal.optimize == "ram" else (cost, found.height)
            if best is None or rank < best[0]:
                best = rank, c, found
    return None if best is None else (best[1].graph, best[1].schedule, best[2])


def front(
    graph: Graph, target: Target, progress: Progress = lambda text: None, goal: Goal = BALANCED
) -> tuple[Candidate, ...]:
    """The plans none of which is both larger and slower than another, from the smallest arena on, budgets left aside."""
    goal = replace(goal, optimize="ram", arena_bytes=None)
    graph = reorder(graph)
    found = _candidates(graph, economical(graph, target), progress, goal, every=True)
    out: list[Candidate] = []
    for c in sorted(found, key=lambda c: (c.height, c.cost)):
        if not out or c.cost < out[-1].cost:
            out.append(c)
    return tuple(out)


def _choose(found: Iterable[Candidate], goal: Goal) -> Candidate:
    every = list(found)
    fitting = [c for c in every if goal.arena_bytes is None or c.height <= goal.arena_bytes]
    if goal.optimize == "ram" or not fitting:
        return min(every, key=lambda c: (c.height, c.cost))
    return min(fitting, key=lambda c: (c.cost, c.height))


def _candidates(graph: Graph, target: Target, progress: Progress, goal: Goal, every: bool = False) -> Iterator[Candidate]:
    """Plans among which the best one for the goal is, as far as is known; every: also those between it and the fastest one."""
    layered = min(_layered(graph, target, progress), key=lambda c: c.height)
    pushed = None
    if goal.push_rows:
        pushed = pushed_input(graph)
        if pushed is None:
            raise UsageError("--input-mode rows", "the network has no single image input of several rows", "use --input-mode whole")
    elif goal.patches is None:
        yield layered
        if goal.optimize != "ram" and (goal.arena_bytes is None or layered.height <= goal.arena_bytes):
            return
    alike = _joined(graph, target, progress) if goal.patches is None else ()
    apart = estimated(graph, target) if alike else 0.0
    dearer = {id(again): max(1, round(estimated(again, target) - apart)) for again in alike}
    for again in alike if pushed is None else ():
        yield replace(min(_layered(again, target, progress), key=lambda c: c.height), cost=dearer[id(again)])
    bound = most = layered.height if pushed is None else 2 * layered.height
    stuck = True
    specs = load_ops()
    extra_macs = int((goal.max_overhead - 1) * sum(specs[n.op].macs(graph.view(n)) for n in graph.nodes))
    fused = partial(_fused, target, extra_macs, pushed, _worth(graph, target, pushed), Flows(), progress, goal.patches)
    if goal.patches is not None:
        if pushed is not None:
            raise UsageError(str(goal.patches), "rows are pushed one by one, patches need the whole input", "use --input-mode whole")
        yield from fused(graph, most)
        return
    narrowing = goal.optimize == "ram" and not every  # nothing above the smallest plan is of use
    for again in (*alike, graph):
        if progress("looking for stages") and not (pushed and stuck):
            return
        for c in fused(again, bound if narrowing else most):
            stuck = False
            bound = min(bound, c.height)
            yield replace(c, cost=c.cost + dearer.get(id(again), 0))
    budget = goal.arena_bytes if goal.optimize != "ram" else None
    for c in repeating(graph, fused, extra_macs, bound, budget, every):
        stuck = False
        yield c
        if progress("computing tensors twice"):
            return
    if pushed is not None and stuck:
        where = f"operator {graph.nodes[0].index} ({graph.nodes[0].op})"
        raise UsageError("--input-mode rows", f"{where} can not take the input row by row", "use --input-mode whole")


def _joined(graph: Graph, target: Target, progress: Progress) -> tuple[Graph, ...]:
    """The graph with all pairs of nodes joined that can be; where they are few, also with those alone that make it lower when its
    operators run one by one."""
    found = pairs(graph, target)
    if not found or progress("joining operators"):
        return ()

    def height(g: Graph) -> int:
        return place(make_schedule(g, target, True, False, (), True)).height

    some = best_joined(graph, found, height) if len(found) <= MOST_TRIED else graph
    every = joined(graph, found)
    return (every,) if len(some.nodes) in (len(graph.nodes), len(every.nodes)) else (every, some)


def _layered(graph: Graph, target: Target, progress: Progress) -> Iterator[Candidate]:
    """One step per operator: with and without views (a concatenation written in place keeps its whole result alive from
    its first part on, which can cost more than the copy), outputs in the place of operands or reaching into them."""
    seen = []
    for views in (True, False):
        for in_place, overlap in ((True, False), (True, True), (False, True)):
            progress("placing buffers")
            make = partial(make_schedule, graph, target, views, in_place, (), overlap, None)
            schedule = make(None)
            key = (schedule.buffers, schedule.gaps)
            if key not in seen:
                seen.append(key)
                yield Candidate(graph, 0, 0, schedule, place(schedule), make)


def _worth(graph: Graph, target: Target, pushed: RowNode | None) -> tuple[bool, ...]:
    """Whether to look for stages with views, or also without."""
    lives = [StageProblem(graph, target, views, pushed).lives for views in (True, False)]
    return (True,) if lives[0] == lives[1] else (True, False)


def _fused(
    target: Target, extra_macs: int, pushed: RowNode | None, views: tuple[bool, ...], flows: Flows, progress: Progress,
    patches: Patches | None, graph: Graph, bound: int, macs: int = 0,
) -> Iterator[Candidate]:  # fmt: skip
    """Chains of stages whose estimated peak is below `bound` bytes, from the smallest on and ever cheaper. macs: those that the
    graph has more than the model; with them, no plan has more than extra_macs."""
    found = False
    for with_views in views:
        problem = StageProblem(graph, target, with_views, pushed, flows)
        plain, chained = options(problem, bound, progress)
        known, limit = [*plain, *chained], extra_macs - macs
        if patches is not None:
            known, limit = with_patches(problem, known, patches, limit)
        else:
            least = next((peak for peak, _, _ in chains(known, len(graph.nodes), limit)), bound)
            known += tile_options(problem, known, least, limit, progress)
        for _, cost, path in chains(known, len(graph.nodes), limit):
            stages = tuple(o.fusion for o in path if o.fused)
            if not stages or (progress(f"placing buffers of {len(stages)} stages") and found):
                return
            found = True
            make = partial(make_schedule, graph, target, with_views, False, stages, True, pushed)
            schedule = make(None)
            extra = sum(o.extra_macs for o in path) + macs
            yield Candidate(graph, cost + 3 * macs // 2, extra, schedule, place(schedule), make)


def plan_of(graph: Graph, schedule: Schedule) -> Plan:
    """The checked plan of one given schedule of `graph`."""
    return _checked(graph, schedule, place(schedule))


def _checked(graph: Graph, schedule: Schedule, placement: Placement, bank: str = "") -> Plan:
    plan = Plan(graph, schedule, dict(placement.offsets), _whole(placement.height), placement.lower_bound, placement.optimal, bank)
    check(plan)
    return plan


def split_plan(graph: Graph, schedule: Schedule, found: Split) -> Plan:
    """The plan of one arena per bank, each placed once more as low as it goes."""
    parts = []
    for room, trial in found.parts:
        ids = {b for b, _ in trial.offsets}
        mine = [b for b in schedule.buffers if b.id in ids]
        best = place_buffers(schedule, mine, None, DEFAULT_EFFORT)
        parts.append((room, best if best.height < trial.height else trial))
    arena_of = {b: k for k, (_, p) in enumerate(parts) for b, _ in p.offsets}
    offsets = {b: at + (found.header_bytes if k == 0 else 0) for k, (_, p) in enumerate(parts) for b, at in p.offsets}
    plan = Plan(
        graph, schedule, offsets, _whole(found.header_bytes + parts[0][1].height), found.header_bytes + sum(p.lower_bound for _, p in parts),
        all(p.optimal for _, p in parts), parts[0][0].bank, tuple(Arena(r.bank, _whole(p.height)) for r, p in parts[1:]), arena_of,
    )  # fmt: skip
    check(plan)
    return plan


def _whole(height: int) -> int:
    return -(-height // ALIGN) * ALIGN
