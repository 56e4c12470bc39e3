"""A search that is ended early: it gives a checked plan all the same, and never a better one than a search to the end."""

from __future__ import annotations

import pytest

from networks import Net
from tinyml.commands.common import Deadline
from tinyml.ir import Graph
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, make_plan


def deep(blocks: int = 5) -> Graph:
    """Expansions, windows and projections: there is a choice of stages and of chains in them."""
    n = Net()
    x = y = n.act((1, 16, 16, 3))
    for k in range(blocks):
        y = n.conv(n.conv(n.conv(y, 24, 1), 24, 3, stride=2 if k == 2 else 1), 8, 1)
    return n.graph([x], [y])


class After:
    """Ends the search with the n-th thing that it says it does."""

    def __init__(self, n: int):
        self.left, self.told = n, []

    def __call__(self, text: str) -> bool:
        self.told.append(text)
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("rows", [False, True])
def test_whatever_the_moment_a_plan_comes_out(rows: bool) -> None:
    g, goal = deep(), Goal("ram", 1.3, push_rows=rows)
    whole = After(10**9)
    least = make_plan(g, Target(), whole, goal).arena_bytes
    heights, steps = [], []
    for n in (0, len(whole.told) // 3, len(whole.told) * 3 // 4):
        watch = After(n)
        heights.append(make_plan(g, Target(), watch, goal).arena_bytes)
        steps.append(len(watch.told))
        assert steps[-1] <= n + 20, "it goes on for long after it was told to end"
    assert steps[0] < steps[1] < len(whole.told)
    assert heights[0] >= heights[1] >= heights[2] >= least
    assert heights[0] > least, "a search of no time finds all there is: nothing is tested"


def test_the_clock_runs_out_only_where_there_is_one() -> None:
    said: list[str] = []
    none, over = Deadline(said.append, None), Deadline(said.append, 0.0)
    assert not none("a") and not none.cut
    assert over("b") and over.cut
    assert said == ["a", "b"]
