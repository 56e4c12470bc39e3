"""Tables that are clamped lines: found where they are, never where they are not, and used where flash is worth more than time."""

from __future__ import annotations

import numpy as np
import pytest

from networks import SCALE, Net
from tinyml.numerics import requant
from tinyml.ops._line import line_of
from tinyml.plan.check import check as check_plan
from tinyml.plan.model import Plan, Target
from tinyml.plan.planner import make_plan

X = np.arange(-128, 128)


def check(table: np.ndarray) -> bool:
    line = line_of(table)
    if line is not None:
        inner = X * line.mult + line.add
        assert np.abs(inner).max() < 1 << 31 and -128 <= line.lo <= line.hi <= 127 and 0 <= line.shift <= 22
        assert (np.clip(inner >> line.shift, line.lo, line.hi) == table).all()
    return line is not None


def test_lines_with_clamps_are_found() -> None:
    rng = np.random.default_rng(1)
    for _ in range(120):
        shift = int(rng.integers(0, 16))
        mult, add = int(rng.integers(-3 << shift, (3 << shift) + 1)), int(rng.integers(-200 << shift, (200 << shift) + 1))
        assert check(np.clip((X * mult + add) >> shift, *np.sort(rng.integers(-128, 128, 2)))), (shift, mult, add)


def test_what_is_no_line_is_refused() -> None:
    rng = np.random.default_rng(2)
    assert not check(rng.integers(-128, 128, 256)) and not check(X // 4 * 4) and not check(np.abs(X) - 1)
    for _ in range(40):
        table = np.clip(X * 211 + 900 >> 8, -100, 90)
        table[rng.integers(40, 200)] += rng.choice([-2, 2])
        assert not check(table)


def test_requantisation_of_both_roundings_is_right_wherever_it_is_a_line() -> None:
    rng = np.random.default_rng(3)
    found = sum(
        check(np.clip(requant(X - int(rng.integers(-128, 128)), int(rng.integers(1 << 30, 1 << 31)), int(rng.integers(-3, 2))), -128, 127))
        for _ in range(100)
    )
    assert found > 30


def plan_of(size: int, scale: float, optimize: str) -> Plan:
    """MUL by 1.0, from one scale to another, behind an operator and before one."""
    n = Net()
    x = n.act((1, size, size, 2))
    y = n.max_pool(x, 1)
    z = n.op("MUL", [y, n.const(np.full(1, 100, np.int8), scale=0.01, zero_point=0)], [n.act((1, size, size, 2), scale)], {})[0]
    return make_plan(n.graph([x], [n.conv(z, 2)]), Target(frozenset(), optimize))


@pytest.mark.parametrize(
    ("optimize", "size", "kernel"), [("balanced", 16, "line"), ("balanced", 64, "lut"), ("latency", 4, "lut"), ("flash", 64, "line")]
)
def test_the_table_stays_where_time_is_worth_more(optimize: str, size: int, kernel: str) -> None:
    assert calls(plan_of(size, 0.04, optimize))[1:-1] == [f"tm_{kernel}_i8"]


def test_a_product_that_changes_no_byte_is_no_step() -> None:
    plan = plan_of(8, SCALE, "balanced")
    assert len(plan.graph.nodes) == 3 and len(calls(plan)) == 2
    check_plan(plan)


def calls(plan: Plan) -> list[str]:
    return [c.func for s in plan.schedule.steps for c in s.calls]
