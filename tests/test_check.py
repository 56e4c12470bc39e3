"""The checker on corrupted plans: it must refuse what would overwrite live bytes, and accept what the kernels' contract allows.

The last word is the generated C itself: whatever the checker accepts must compute the right result as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from broken_plans import refused
from case_build import build_cases
from interpret import from_graph, interpret, to_graph
from networks import SCALE, Net
from random_graphs import random_model
from tinyml.errors import InternalError
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.opspec import Geom
from tinyml.passes import run_passes
from tinyml.plan.check import check
from tinyml.plan.model import ArenaBuffer, Layout, Plan, Schedule, Target
from tinyml.plan.planner import make_plan, place, plan_of
from tinyml.plan.schedule import make_schedule


def residual() -> Graph:
    """x -> a -> b; c = a + b; d = conv(c): a is alive across b."""
    n = Net()
    x = n.act((1, 6, 6, 4))
    a = n.conv(x, 4, 3)
    b = n.conv(a, 4, 3)
    return n.graph([x], [n.conv(n.add(a, b), 8)])


def joined() -> Graph:
    """Two convolutions that write into their concatenation in place, then a padding around it, filled by its own step."""
    n = Net()
    x = n.act((1, 5, 5, 3))
    c = n.concat([n.conv(x, 4, 3), n.conv(x, 2)], 3)
    p = n.pad(c, [[0, 0], [1, 2], [1, 0], [0, 0]])
    return n.graph([x], [n.max_pool(p, 3, 2)])


def divided() -> Graph:
    """Both halves of a split are read in place."""
    n = Net()
    x = n.act((1, 5, 5, 3))
    a, b = n.split(n.conv(x, 8), 3, 2)
    return n.graph([x], [n.concat([n.conv(a, 3), n.conv(b, 3)], 1)])


def planned(graph: Graph) -> Plan:
    return plan_of(graph, make_schedule(graph, Target()))


def with_steps(plan: Plan, steps) -> Plan:
    return replace(plan, schedule=replace(plan.schedule, steps=tuple(steps)))


def with_layout(plan: Plan, t: int, **changes) -> Plan:
    layouts = {**plan.schedule.layouts, t: replace(plan.schedule.layouts[t], **changes)}
    return replace(plan, schedule=replace(plan.schedule, layouts=layouts))


def root_of(plan: Plan, t: int) -> int:
    return plan.schedule.layouts[t].buffer


@pytest.mark.parametrize("graph", [residual, joined, divided])
def test_the_plans_themselves_pass(graph: Callable[[], Graph]) -> None:
    check(planned(graph()))


def test_two_live_buffers_at_one_place() -> None:
    g = residual()
    plan = planned(g)
    a, b = g.nodes[0].outputs[0], g.nodes[1].outputs[0]
    refused(replace(plan, offsets={**plan.offsets, root_of(plan, b): plan.offsets[root_of(plan, a)]}), "CONV_2D")
    # by one aligned unit only
    for delta in (-8, 8):
        near = plan.offsets[root_of(plan, a)] + delta
        if 0 <= near and near + 144 <= plan.arena_bytes:
            refused(replace(plan, offsets={**plan.offsets, root_of(plan, b): near}))


def test_a_life_cut_short() -> None:
    """Every buffer of every net whose life is shortened: where another buffer takes the bytes, the plan is refused."""
    hits = 0
    for make in (residual, joined, divided):
        g = make()
        schedule = make_schedule(g, Target())
        for k, b in enumerate(schedule.buffers):
            if b.first == b.last:
                continue
            for short, step in ((replace(b, last=b.last - 1), b.last), (replace(b, first=b.first + 1), b.first)):
                wrong = replace(schedule, buffers=(*schedule.buffers[:k], short, *schedule.buffers[k + 1 :]))
                placement = place(wrong)
                plan = Plan(g, wrong, dict(placement.offsets), (placement.height + 7) // 8 * 8, 0, False)
                others = [o for o in schedule.buffers if o.id != b.id and o.first <= step <= o.last]
                if any(_overlap(plan, b, o) for o in others):
                    hits += 1
                    refused(plan)
    assert hits >= 3


def _overlap(plan: Plan, a: ArenaBuffer, b: ArenaBuffer) -> bool:
    x, y = plan.offsets[a.id], plan.offsets[b.id]
    return x < y + b.size_bytes and y < x + a.size_bytes


def test_steps_swapped_dropped_repeated() -> None:
    for make in (residual, joined, divided):
        plan = planned(make())
        steps = plan.schedule.steps
        for k in range(len(steps)):
            refused(with_steps(plan, [*steps[:k], *steps[k + 1 :]]))
            refused(with_steps(plan, [*steps[: k + 1], *steps[k:]]), "two")
        for k in range(len(steps) - 1):
            refused(with_steps(plan, [*steps[:k], steps[k + 1], steps[k], *steps[k + 2 :]]), "order")


def test_nodes_in_an_order_that_reads_before_it_writes() -> None:
    plan = planned(residual())
    nodes = plan.graph.nodes
    one, two, *rest = plan.schedule.steps
    swapped = replace(plan, graph=plan.graph.with_(nodes=(nodes[1], nodes[0], *nodes[2:])))
    refused(with_steps(swapped, [replace(two, node=0), replace(one, node=1), *rest]), "no step before it writes")


def test_a_fill_that_is_dropped_leaves_the_border_unwritten() -> None:
    plan = planned(joined())
    fill = next(s for s in plan.schedule.steps if plan.graph.nodes[s.node].op == "PAD")
    refused(with_steps(plan, [s for s in plan.schedule.steps if s is not fill]), "PAD", "more than its inputs")


def _with_scratch(needed: int, given: int, offset: int) -> Plan:
    """residual() whose second step has a scratch buffer."""
    plan = planned(residual())
    s = plan.schedule
    call = replace(s.steps[1].calls[0], scratch_bytes=needed)
    step = replace(s.steps[1], calls=(call,), scratch=99)
    schedule = Schedule((s.steps[0], step, *s.steps[2:]), s.layouts, (*s.buffers, ArenaBuffer(99, given, 8, 1, 1, "scratch")))
    return replace(plan, schedule=schedule, offsets={**plan.offsets, 99: offset}, arena_bytes=plan.arena_bytes + 64)


def test_scratch() -> None:
    good = _with_scratch(64, 64, 0)
    top = good.arena_bytes - 64
    check(_with_scratch(64, 64, top))
    refused(_with_scratch(65, 64, top), "scratch")
    refused(_with_scratch(64, 64, top + 8), "outside")
    g, plan = good.graph, good
    for t in (g.nodes[1].inputs[0], g.nodes[1].outputs[0]):  # over the step's input, over its output
        refused(_with_scratch(64, 64, plan.offsets[root_of(plan, t)]))
    missing = replace(good.schedule.steps[1], scratch=None)
    refused(with_steps(good, [good.schedule.steps[0], missing, *good.schedule.steps[2:]]), "has none")


def test_an_output_in_place_of_an_operand_that_is_still_needed() -> None:
    g = residual()
    plan = planned(g)
    a, c = g.nodes[0].outputs[0], g.nodes[2].outputs[0]
    # c = a + b in place of a is right ...
    check(with_layout(plan, c, buffer=root_of(plan, a)))
    # ... but not if a is read once more
    n = Net()
    x = n.act((1, 6, 6, 4))
    a = n.conv(x, 4, 3)
    b = n.conv(a, 4, 3)
    c = n.add(a, b)
    g = n.graph([x], [n.add(c, a)])
    plan = planned(g)
    refused(with_layout(plan, c, buffer=root_of(plan, a)), "ADD")


def test_places_that_are_not_the_tensors() -> None:
    g = divided()
    plan = planned(g)
    split = next(n for n in g.nodes if n.op == "SPLIT")
    first, second = split.outputs
    assert root_of(plan, first) == root_of(plan, second)
    at = plan.schedule.layouts[second]
    refused(with_layout(plan, second, offset_bytes=0), "SPLIT")  # the other half: same rows, other channels
    refused(with_layout(plan, second, offset_bytes=at.offset_bytes - 1), "SPLIT")
    refused(with_layout(plan, second, offset_bytes=at.offset_bytes + 8), "outside its buffer")
    refused(with_layout(plan, second, geom=Geom(5, 5, 4, 40, 4)))
    refused(with_layout(plan, second, geom=Geom(5, 5, 4, 39, 8)))
    refused(with_layout(plan, second, geom=Geom(5, 5, 4, 4, 8)), "overlap")
    refused(with_layout(plan, second, geom=Geom(5, 4, 4, 40, 8)), "laid out as")
    refused(with_layout(plan, second, offset_bytes=at.offset_bytes + 4000), "outside")
    for offset in (-8, 4, plan.arena_bytes):
        refused(replace(plan, offsets={**plan.offsets, root_of(plan, second): offset}), "outside")
    refused(replace(plan, schedule=replace(plan.schedule, layouts={t: p for t, p in plan.schedule.layouts.items() if t != first})))


def test_a_call_on_a_tensor_of_another_operator() -> None:
    g = residual()
    plan = planned(g)
    steps = list(plan.schedule.steps)
    stolen = steps[0].calls
    steps[1] = replace(steps[1], calls=stolen)
    refused(with_steps(plan, steps), "none of its operator's")


# ---------------------------------------------------------------- overwriting

def diagonal(graph: Graph, distance: int) -> Plan:
    """One operator whose output lies `distance` bytes below its input, which must be the arena's end."""
    schedule = make_schedule(graph, Target(), in_place=False)
    (x,), (y,) = graph.inputs, graph.outputs
    size_x, size_y = graph.tensors[x].bytes, graph.tensors[y].bytes
    low = max(0, -distance)
    return Plan(graph, schedule, {y: low, x: low + distance}, low + max(size_y, size_x + distance, size_y + low), 0, False)


def _window_graphs() -> dict[str, tuple[Graph, int | None]]:
    """Name -> (one-operator network with rows of 64 bytes, least safe distance in bytes where it is worked out by hand).

    Row y of the output may be written once all reads for it are done, and must stay clear of the rows it reads itself.
    """
    out = {}

    def one(name: str, least: int | None, op: Callable[[Net, int], int], scale: float | None = SCALE) -> None:
        n = Net()
        x = n.act((1, 8, 8, 8), scale)
        out[name] = n.graph([x], [op(n, x)]), least

    # SAME 3x3: row y reads from y-1 on; output row y at distance d lies d rows below: needs y - d < y - 1, and the last row
    one("conv_3x3_same", 2 * 64, lambda n, x: n.conv(x, 8, 3))
    one("conv_1x1", 64, lambda n, x: n.conv(x, 8, 1))  # row y reads row y only
    one("pool_3x3_valid", None, lambda n, x: n.max_pool(x, 3))  # narrower rows of 48 bytes: found below by search
    one("conv_1x1_fewer", None, lambda n, x: n.conv(x, 4, 1))
    one("conv_3x3_stride_2", None, lambda n, x: n.conv(x, 8, 3, 2))
    one("resize", 9 * 64, lambda n, x: _resize(n, x))  # row 15 reads row 7: needs 16 <= d + 7
    # element by element: exactly in place at most
    one("hard_swish", 0, lambda n, x: n.unary("HARD_SWISH", x, SCALE, 9))
    one("quantize", 0, lambda n, x: n.unary("QUANTIZE", x), None)  # 4 bytes to 1
    # 1 byte to 4: 4 * (i + 1) <= d + i + 1 for all i but the last, 510
    one("dequantize", 3 * 512, lambda n, x: n.op("DEQUANTIZE", [x], [n.act((1, 8, 8, 8), None)])[0])
    return out


def _resize(n: Net, x: int) -> int:
    return n.op("RESIZE_NEAREST_NEIGHBOR", [x, n.ints([16, 8])], [n.act((1, 16, 8, 8))], {})[0]


def accepted(plan: Plan) -> bool:
    try:
        check(plan)
    except InternalError:
        return False
    return True


def test_output_trailing_its_input(tmp_path: Path) -> None:
    """By the unit of alignment, the least distance that is accepted computes the right result, and so does every larger one;
    of what is refused, something is wrong for each operator (by less than a row, many a kernel is better than its contract)."""
    plans, verdict, graphs = {}, {}, {}
    for name, (g, by_hand) in _window_graphs().items():
        size_x, size_y = (g.tensors[t].bytes for t in (*g.inputs, *g.outputs))
        distances = list(range(-8, size_y + 9, 8))
        safe = [d for d in distances if accepted(diagonal(g, d))]
        assert safe, name
        least = min(safe)
        assert least < size_y, f"{name}: no overlap is accepted at all"
        assert safe == list(range(least, size_y + 9, 8)), name
        if by_hand is not None:
            assert least == by_hand, name
        for d in {-8, 0, least // 128 * 64, least - 64, least - 8, least, least + 8, least + 64, size_y}:
            key = f"{name}_{d}".replace("-", "m")
            plans[key], verdict[key], graphs[key] = diagonal(g, d), d >= least, g
    wrong = _wrong_results(plans, graphs, tmp_path)
    for key, ok in verdict.items():
        assert not (ok and key in wrong), f"{key} is accepted, but computes nonsense"
    for name in _window_graphs():
        assert any(k.startswith(name) for k in wrong), f"{name}: nothing that is refused shows a wrong result"


def _wrong_results(plans: dict[str, Plan], graphs: dict[str, Graph], folder: Path) -> set[str]:
    """Names of the plans whose generated C, as planned, does not compute what the references do."""
    program, wrong = build_cases(plans, folder), set()
    for name, plan in plans.items():
        g = graphs[name]
        rng = np.random.default_rng(3)
        inputs = []
        for k in range(len(g.inputs)):
            t = g.io_input(k)
            is_float = t.dtype.value == "float32"
            inputs.append(rng.uniform(-1, 1, t.shape).astype(np.float32) if is_float else rng.integers(-128, 128, t.shape).astype(np.int8))
        like = [np.empty(g.tensors[t].shape, g.tensors[t].dtype.numpy) for t in g.outputs]
        ours = from_graph(plan.graph, program.run(name, to_graph(g, inputs), like))
        if any(not np.allclose(y, e, rtol=1e-5, atol=1e-5) for y, e in zip(ours, interpret(g, inputs), strict=True)):
            wrong.add(name)
    return wrong


# ---------------------------------------------------------------- random corruption

def _mutant(plan: Plan, rng: np.random.Generator) -> Plan:
    """One or two buffers moved somewhere else in the arena, or one tensor moved into another buffer."""
    kind = rng.integers(3)
    layouts, offsets = dict(plan.schedule.layouts), dict(plan.offsets)
    buffers = {b.id: b for b in plan.schedule.buffers}
    if kind < 2:
        for b in rng.choice(list(buffers), kind + 1):
            room = plan.arena_bytes - buffers[int(b)].size_bytes
            offsets[int(b)] = int(rng.integers(room // 8 + 1)) * 8
    else:
        t, u = (int(v) for v in rng.choice(list(layouts), 2))
        layouts[t] = Layout(layouts[u].buffer, layouts[u].offset_bytes, layouts[t].geom)
    return replace(plan, offsets=offsets, schedule=replace(plan.schedule, layouts=layouts))


@pytest.mark.parametrize("first", [0, 12])
def test_random_corruption_against_the_c(first: int, tmp_path: Path) -> None:
    """What the checker accepts is right; most of what it refuses is visibly wrong."""
    plans, graphs, ok = {}, {}, {}
    rng = np.random.default_rng(first)
    for seed in range(first, first + 12):
        g = run_passes(import_model(random_model(seed).data, "m"))
        plan = make_plan(g, Target())
        kept = {True: 0, False: 0}
        for k in range(60):
            bad = _mutant(plan, rng)
            good = accepted(bad)
            changed = bad.offsets != plan.offsets or bad.schedule.layouts != plan.schedule.layouts
            if changed and kept[good] < 2:
                kept[good] += 1
                if good or _compilable(bad):
                    plans[f"m{seed}_{k}"], graphs[f"m{seed}_{k}"], ok[f"m{seed}_{k}"] = bad, bad.graph, good
    assert sum(ok.values()) >= 8 and len(ok) - sum(ok.values()) >= 8
    wrong = _wrong_results(plans, graphs, tmp_path)
    assert not [k for k in wrong if ok[k]]
    assert len(wrong) >= 0.6 * (len(ok) - sum(ok.values()))


def _compilable(plan: Plan) -> bool:
    """All tensors within the arena, so that a run shows a wrong result rather than a crash."""
    for t, at in plan.schedule.layouts.items():
        g, size = at.geom, plan.graph.tensors[t].dtype.bytes
        buffer = next(b for b in plan.schedule.buffers if b.id == at.buffer)
        if at.offset_bytes + ((g.h - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * size > buffer.size_bytes:
            return False
        if (plan.offsets[at.buffer] + at.offset_bytes) % size:
            return False
    return True
