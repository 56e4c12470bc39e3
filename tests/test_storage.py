"""Storage sharing on hand-made networks: what becomes a view, what is overwritten, and the arena bytes this gives."""

from __future__ import annotations

import pytest

from networks import Net, ops
from tinyml.ir import Graph
from tinyml.plan.model import Target
from tinyml.plan.planner import make_plan, plan_of
from tinyml.plan.schedule import make_schedule
from tinyml.plan.storage import plan_storage
from tinyml.reference import run_graph

X = (1, 4, 4, 4)  # 64 bytes


def arena(graph: Graph, views: bool = True, in_place: bool = True) -> tuple[int, list[str]]:
    """(arena bytes, operators that have a step)."""
    plan = plan_of(graph, make_schedule(graph, Target(), views, in_place))
    return plan.arena_bytes, [graph.nodes[s.node].op for s in plan.schedule.steps]


def test_concatenation_of_branches_is_written_in_place() -> None:
    n = Net()
    x = n.act(X)
    a, b = n.conv(x, 4, 3), n.conv(x, 8, 3)
    g = n.graph([x], [n.conv(n.concat([a, b], 3), 1)])
    # x 64 + both parts 192; then the parts 192 + y 16
    assert arena(g) == (64 + 192, ["CONV_2D"] * 3)
    # copied: both parts 64 + 128, and their copy 192
    assert arena(g, views=False) == (2 * 192, ["CONV_2D", "CONV_2D", "CONCATENATION", "CONV_2D"])
    layouts = make_schedule(g, Target()).layouts
    assert [layouts[t].offset_bytes for t in (a, b)] == [0, 4]
    assert [(layouts[t].geom.row_stride, layouts[t].geom.px_stride) for t in (a, b)] == [(48, 12)] * 2


@pytest.mark.parametrize(("axis", "begin"), [(1, 64), (2, 16), (3, 4)])
def test_concatenation_along_every_axis(axis: int, begin: int) -> None:
    n = Net()
    x = n.act(X)
    a, b = n.conv(x, 4, 3), n.conv(x, 4, 3)
    g = n.graph([x], [n.max_pool(n.concat([a, b], axis), 2)])
    assert make_schedule(g, Target()).layouts[b].offset_bytes == begin
    assert "CONCATENATION" not in arena(g)[1]


def test_concatenation_with_constant_part_copies_only_that() -> None:
    n = Net()
    x = n.act(X)
    c = n.tensor((1, 4, 4, 2), scale=0.05, zero_point=-3, data=bytes(32))
    g = n.graph([x], [n.conv(n.concat([n.conv(x, 4, 3), c], 3), 1)])
    plan = plan_of(g, make_schedule(g, Target()))
    step = next(s for s in plan.schedule.steps if g.nodes[s.node].op == "CONCATENATION")
    assert len(step.calls) == 1


def test_concatenation_that_must_copy() -> None:
    n = Net()
    x = n.act(X)
    a = n.conv(x, 4, 3)
    twice = n.concat([a, a], 3)  # one tensor can not lie in two places
    outer = n.concat([x, a], 3)  # the caller fills x densely
    g = n.graph([x], [n.conv(twice, 1), n.conv(outer, 1)])
    assert arena(g)[1].count("CONCATENATION") == 2


def test_nested_concatenations_lie_in_one_buffer() -> None:
    n = Net()
    x = n.act(X)
    inner = n.concat([n.conv(x, 2, 3), n.conv(x, 3, 3)], 3)
    g = n.graph([x], [n.conv(n.concat([inner, n.conv(x, 3, 3)], 3), 2)])
    assert arena(g) == (64 + 128, ["CONV_2D"] * 4)


def test_split_is_read_in_place() -> None:
    for axis in (1, 2, 3):
        n = Net()
        x = n.act(X)
        y = n.conv(x, 8, 3)
        a, b = n.split(y, axis, 2)
        g = n.graph([x], [n.add(n.conv(a, 2), n.conv(b, 2))])
        assert "SPLIT" not in arena(g)[1], axis
        assert "SPLIT" in arena(g, views=False)[1]
        assert arena(g)[0] == 64 + 128  # x and y; then y and what its halves become
        assert arena(g, views=False)[0] == 128 + 128  # y and its halves


def test_split_of_the_networks_own_outputs_copies() -> None:
    n = Net()
    x = n.act(X)
    a, b = n.split(n.conv(x, 8, 3), 3, 2)
    g = n.graph([x], [a, b])
    assert arena(g)[1] == ["CONV_2D", "SPLIT"]


def test_pad_keeps_its_part_in_place() -> None:
    n = Net()
    x = n.act(X)
    p = n.pad(n.conv(x, 4, 3), [[0, 0], [1, 1], [1, 1], [0, 0]])
    g = n.graph([x], [n.max_pool(p, 3)])
    assert arena(g)[0] == 64 + 144 and arena(g, views=False)[0] == 64 + 144  # and yet:
    fills = next(s for s in make_schedule(g, Target()).steps if g.nodes[s.node].op == "PAD").calls
    copies = next(s for s in make_schedule(g, Target(), views=False).steps if g.nodes[s.node].op == "PAD").calls
    assert len(copies) == len(fills) + 1 and all("fill" in c.func for c in fills)


def test_reshape_of_an_inner_tensor_costs_nothing() -> None:
    n = Net()
    x = n.act(X)
    g = n.graph([x], [n.unary("SOFTMAX", n.reshape(n.conv(x, 4, 3), (1, 64)), 1 / 256, -128, Beta=1.0)])
    assert arena(g, in_place=False) == (128, ["CONV_2D", "SOFTMAX"])
    assert arena(g, views=False, in_place=False) == (128, ["CONV_2D", "RESHAPE", "SOFTMAX"])
    assert plan_storage(g).roots[g.nodes[1].outputs[0]] == g.nodes[0].outputs[0]


def test_slice_of_rows_columns_channels() -> None:
    n = Net()
    x = n.act((1, 6, 6, 6))
    y = n.conv(x, 6, 3)
    parts = [n.slice(y, begin, (1, 2, 2, 2)) for begin in ((0, 0, 0, 0), (0, 1, 2, 3), (0, 4, 4, 4))]
    g = n.graph([x], [n.conv(p, 1) for p in parts])
    at = make_schedule(g, Target()).layouts
    assert [at[p].offset_bytes for p in parts] == [0, 36 + 12 + 3, 4 * 36 + 24 + 4]
    assert "SLICE" not in arena(g)[1]


def test_element_wise_in_place_of_the_operand_that_dies() -> None:
    n = Net()
    x = n.act(X)
    a = n.conv(x, 4, 3)
    g = n.graph([x], [n.add(a, n.conv(a, 4, 3))])
    assert arena(g)[0] == 128  # a, conv(a); the sum takes over one of them
    assert arena(g, in_place=False)[0] == 192


def test_not_in_place_of_what_is_read_again_or_is_an_output() -> None:
    n = Net()
    x = n.act(X)
    a = n.conv(x, 4, 3)
    r = n.unary("RELU", a)
    g = n.graph([x], [r, n.conv(a, 1)])
    assert r not in plan_storage(g).overlaid
    n = Net()
    x = n.act(X)
    a = n.conv(x, 4, 3)
    r = n.unary("RELU", a)
    g = n.graph([x], [a, r])
    assert r not in plan_storage(g).overlaid


def test_not_in_place_of_a_view_whose_other_half_lives() -> None:
    n = Net()
    x = n.act(X)
    y = n.conv(x, 4, 3)
    v = n.reshape(y, (16, 4))
    r = n.unary("RELU", y)  # v, the same bytes, is read later
    g = n.graph([x], [n.reshape(n.unary("RELU6", v), X), r])
    assert r not in plan_storage(g).overlaid
    make_plan(g, Target())


def test_the_input_may_be_overwritten() -> None:
    n = Net()
    x = n.act(X)
    g = n.graph([x], [n.unary("RELU", x)])
    assert arena(g)[0] == 64


def test_views_are_given_up_where_they_cost_more() -> None:
    """Joining in place keeps the whole result alive from its first part on; here the copies are smaller."""
    n = Net()
    x = n.act((1, 8, 8, 1))
    small = n.conv(x, 1, 3)
    wide = n.conv(n.conv(x, 40, 3), 1, 1)
    more = n.conv(n.conv(wide, 40, 3), 6, 1)
    g = n.graph([x], [n.max_pool(n.concat([small, more], 3), 8)])
    chosen = make_plan(g, Target()).arena_bytes
    assert chosen <= min(make_plan_with(g, views) for views in (True, False))
    assert make_plan_with(g, True) != make_plan_with(g, False)


def make_plan_with(graph: Graph, views: bool) -> int:
    from tinyml.plan.planner import reorder

    ordered = reorder(graph)
    return plan_of(ordered, make_schedule(ordered, Target(), views=views)).arena_bytes


def test_networks_here_mean_what_they_say() -> None:
    """The helper's networks compute: a guard against testing layouts of nonsense."""
    n = Net()
    x = n.act(X)
    g = n.graph([x], [n.add(n.conv(x, 4, 3), x)])
    assert ops(g) == ["CONV_2D", "ADD"]
    import numpy as np

    values = run_graph(g, [np.arange(64, dtype=np.int8).reshape(X)])
    assert len(np.unique(values[g.outputs[0]])) > 10
