"""Fused stages: rows kept, order, what may be overwritten, and that the checker refuses what would not work.

That their results are right is shown on random networks (test_random_graphs.py) and real ones (test_models.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from broken_plans import refused, stage_of, with_stage
from interpret import interpret, to_graph
from networks import Net
from random_graphs import random_model
from streams import chained, longest_stages, streamed
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.passes import run_passes
from tinyml.plan.check import check
from tinyml.plan.model import Plan, Stage, Target
from tinyml.plan.planner import Goal, make_plan, plan_of
from tinyml.plan.recompute import Choice, repeated, repeats
from tinyml.plan.schedule import Fusion, last_reads, layer_stream, make_schedule, stage_stream


def chain() -> Graph:
    n = Net()
    x = n.act((1, 12, 6, 4))
    a = n.conv(x, 8, 3)
    b = n.conv(a, 8, 3)
    return n.graph([x], [n.max_pool(b, 3, 2)])


def residual() -> Graph:
    n = Net()
    x = n.act((1, 12, 6, 4))
    a = n.conv(x, 8, 3)
    b = n.conv(n.conv(a, 8, 3), 8, 3)
    return n.graph([x], [n.conv(n.add(a, b), 4)])


def averaged() -> Graph:
    n = Net()
    x = n.act((1, 8, 4, 4))
    return n.graph([x], [n.mean(n.conv(x, 8, 3)), n.max_pool(n.conv(x, 4, 1), 2, 2)])


def fused(graph: Graph) -> Plan:
    plan = streamed(graph)
    assert plan is not None
    return plan


def tensor(graph: Graph, k: int) -> int:
    return graph.nodes[k].outputs[0]


def test_a_three_row_window_keeps_three_rows() -> None:
    g = chain()
    flow = stage_stream(g, Fusion(0, 3), last_reads(g))
    assert flow is not None
    assert flow.rings == {tensor(g, 0): 3, tensor(g, 1): 3}
    # by hand: rows 0, 1 of the first before row 0 of the second, and so on; pooling takes every second row
    assert flow.order[:8] == (0, 0, 1, 0, 1, 0, 1, 2)


def test_a_shortcut_keeps_what_both_windows_are_behind() -> None:
    """Row y of the sum is made when row y+2 of the shortcut exists, for the 3x3 pair beside it: y, y+1, y+2 are kept."""
    g = residual()
    flow = stage_stream(g, Fusion(0, len(g.nodes)), last_reads(g))
    assert flow is not None
    assert flow.rings[tensor(g, 0)] == 3
    assert flow.rings[tensor(g, 1)] == 3
    assert flow.shares == {tensor(g, 2): tensor(g, 3)}, "the sum takes over the branch's row"
    assert flow.rings[tensor(g, 3)] == 1


def test_a_strided_shortcut_runs_before_the_branch() -> None:
    """Row y of the sum takes row 2y through the shortcut. Were the branch first, its row y+1 would take rows up to 2y+4,
    and five rows were kept."""
    n = Net()
    x = n.act((1, 16, 6, 4))
    a = n.conv(x, 8, 1)
    branch = n.conv(n.conv(a, 8, 3, stride=2), 8, 3)
    g = n.graph([x], [n.add(n.conv(a, 8, 1, stride=2), branch)])
    flow = stage_stream(g, Fusion(0, len(g.nodes)), last_reads(g))
    assert flow is not None
    assert flow.rings[tensor(g, 0)] == 3


def test_an_output_trails_its_input_by_the_window() -> None:
    """SAME 3x3, stride 1, input rows of 24 bytes, output rows of 48: while row y is written, rows y-1.. are still read."""
    g = chain()
    flow = layer_stream(g, 0, last_reads(g))
    assert flow is not None
    # row 11 ends at 12 * 48, and rows from 10 on are needed: 576 - 240
    assert flow.gaps == {(g.inputs[0], tensor(g, 0)): 12 * 48 - 10 * 24}


def test_stages_make_the_arena_smaller_and_fit_a_budget() -> None:
    g = chain()
    layered, least = make_plan(g, Target()), make_plan(g, Target(), goal=Goal("ram"))
    assert least.arena_bytes < layered.arena_bytes
    assert not list(layered.schedule.stages()) and list(least.schedule.stages())
    budget = make_plan(g, Target(), goal=Goal(arena_bytes=layered.arena_bytes - 1))
    assert budget.arena_bytes < layered.arena_bytes
    roomy = make_plan(g, Target(), goal=Goal(arena_bytes=layered.arena_bytes))
    assert roomy.arena_bytes == layered.arena_bytes and not list(roomy.schedule.stages()), "the fastest that fits"


def test_a_ring_of_one_row_less_is_refused() -> None:
    plan = fused(chain())
    t = tensor(plan.graph, 0)
    at = plan.schedule.layouts[t]
    refused(replace(plan, schedule=replace(plan.schedule, layouts={**plan.schedule.layouts, t: replace(at, ring=2)})), "no longer in the arena")


def test_rows_in_another_order_are_refused() -> None:
    swapped = with_stage(fused(chain()), lambda s: replace(s, order=(0, 1, 0, *s.order[3:])))
    refused(swapped, "row 1 is no longer in the arena")


def test_a_row_that_never_runs_is_refused() -> None:
    refused(with_stage(fused(chain()), lambda s: replace(s, order=s.order[:-1])), "tensor")


def test_a_row_too_many_is_refused() -> None:
    refused(with_stage(fused(chain()), lambda s: replace(s, order=(*s.order, s.order[-1]))), "more than")


def test_a_window_that_is_not_the_operators_is_refused() -> None:
    def change(s: Stage) -> Stage:
        operands = tuple(replace(o, pad=o.pad + 1) if o.mode == "window" else o for o in s.rows[0].operands)
        return replace(s, rows=(replace(s.rows[0], operands=operands), *s.rows[1:]))

    refused(with_stage(fused(chain()), change), "not what the operator needs")


def test_an_accumulator_that_is_overwritten_is_refused() -> None:
    plan = fused(averaged())
    k, stage = stage_of(plan)
    row = next(r for r in stage.rows if r.accumulator is not None)
    ring = plan.schedule.layouts[tensor(plan.graph, 0)].buffer
    refused(replace(plan, offsets={**plan.offsets, row.accumulator: plan.offsets[ring]}))


@pytest.mark.parametrize("make", [chain, residual, averaged])
def test_every_byte_of_every_gap_is_needed(make: Callable[[], Graph]) -> None:
    """Output and input at exactly the planned distance pass; one byte nearer, the checker refuses, so the gap is not
    larger than it must be. Each layer alone, all buffers but the pair far apart."""
    g = make()
    schedule = make_schedule(g, Target(), in_place=False, overlap=True)
    tried = 0
    for gap in schedule.gaps:
        apart, at = {}, 1 << 12
        for b in schedule.buffers:
            apart[b.id], at = at, at + b.size_bytes + 64
        plan = replace(plan_of(g, replace(schedule, gaps=())), schedule=unaligned(schedule), arena_bytes=at + (1 << 12))
        low = apart[gap.low]
        check(replace(plan, offsets={**apart, gap.low: low, gap.high: low + gap.distance_bytes} | moved(apart, gap, 0)))
        if gap.distance_bytes:
            refused(replace(plan, offsets=moved(apart, gap, -1)), "no longer in the arena")
        tried += 1
    assert tried


def moved(apart: dict[int, int], gap, by: int) -> dict[int, int]:
    """The pair together behind everything else, at its distance plus `by`."""
    end = max(apart.values()) + (1 << 11)
    return {**apart, gap.low: end, gap.high: end + gap.distance_bytes + by}


def unaligned(schedule):
    return replace(schedule, buffers=tuple(replace(b, align=1) for b in schedule.buffers))


def test_longest_stages_of_the_networks_here() -> None:
    assert longest_stages(chain()) == (Fusion(0, 3),)
    assert longest_stages(residual()) == (Fusion(0, 5),)


def test_what_is_computed_twice_keeps_every_output() -> None:
    """Random networks with everything repeated that may be: bit-identical, and some of them do have something to repeat."""
    tried = 0
    for seed in range(120):
        model = random_model(seed)
        g = run_passes(import_model(model.data, "m"))
        found = repeats(g)
        if found:
            tried += 1
            inputs = to_graph(g, model.inputs(0))
            again = repeated(g, [Choice(r, r.channels) for r in found])
            assert len(again.nodes) > len(g.nodes)
            for a, b in zip(interpret(again, inputs), interpret(g, inputs), strict=True):
                np.testing.assert_array_equal(a, b, err_msg=str(seed))
            plan = streamed(again)
            if plan is not None:
                check(plan)
    assert tried >= 3


def excited() -> Graph:
    """Squeeze and excite: the average of a large tensor scales it."""
    n = Net()
    x = n.act((1, 16, 16, 4))
    t = n.conv(n.conv(x, 32, 1), 32, 3)
    scale = n.unary("LOGISTIC", n.conv(n.mean(t), 32, 1), scale=1 / 256, zero_point=-128)
    return n.graph([x], [n.add(n.conv(n.mul(t, scale), 4, 1), x)])


def test_a_tensor_that_is_averaged_first_is_computed_twice_where_that_is_allowed() -> None:
    g = excited()
    once, twice = (make_plan(g, Target(), goal=Goal("ram", max_overhead=f)) for f in (1.0, 2.5))
    assert once.arena_bytes >= 16 * 16 * 32, "all of it waits for its average"
    assert twice.arena_bytes < once.arena_bytes / 2
    assert len(twice.graph.nodes) == len(g.nodes) + 2


def test_kernels_give_up_their_scratch_where_nothing_else_fits() -> None:
    """With little room the portable kernels run at the peak, and faster ones only where the plan leaves a hole for them."""
    g, dsp = chain(), Target(frozenset({"dsp"}))
    least = make_plan(g, dsp, goal=Goal("ram"))
    bare = make_plan(g, Target(), goal=Goal("ram"))
    assert bare.arena_bytes < least.arena_bytes
    tight = make_plan(g, dsp, goal=Goal(arena_bytes=bare.arena_bytes))
    assert tight.arena_bytes == bare.arena_bytes
    impossible = make_plan(g, dsp, goal=Goal(arena_bytes=1))
    assert impossible.arena_bytes == bare.arena_bytes, "the smallest there is, for the message that says what is missing"


def test_an_output_under_another_name_is_not_overwritten() -> None:
    """The last operator's input dies there, but it is also the network's output as a reshape."""
    n = Net()
    x = n.act((1, 6, 6, 2))
    a = n.conv(x, 4, 1)
    g = n.graph([x], [n.reshape(a, (1, 36, 4)), n.conv(a, 4, 3)])
    for stages in ((), longest_stages(g, 1)):
        check(plan_of(g, make_schedule(g, Target(), in_place=False, stages=stages, overlap=True)))


def test_reductions_over_a_row_run_row_by_row_but_not_in_chains() -> None:
    n = Net()
    x = n.act((1, 8, 8, 3))
    t = n.conv(x, 6, 1)
    across = n.op("MEAN", [t, n.ints([2])], [n.act((1, 8, 1, 6))], {"KeepDims": True})[0]
    g = n.graph([x], [n.conv(across, 4, 1)])
    assert longest_stages(g) == (Fusion(0, 3),)
    assert chained(g, 3) is None
