"""Plans that someone changed behind the planner's back, and that the checker must refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tinyml.errors import InternalError
from tinyml.plan.check import check
from tinyml.plan.model import Plan, Stage


def refused(plan: Plan, *words: str) -> None:
    """The checker refuses the plan, and its message holds each of the words."""
    with pytest.raises(InternalError) as error:
        check(plan)
    assert error.value.stage == "check"
    for word in words:
        assert word in error.value.line(), error.value.line()


def stage_of(plan: Plan) -> tuple[int, Stage]:
    """The plan's first stage, and which step it is."""
    return next(iter(plan.schedule.stages()))


def with_stage(plan: Plan, change: Callable[[Stage], Stage]) -> Plan:
    k, stage = stage_of(plan)
    steps = tuple(change(stage) if s == k else step for s, step in enumerate(plan.schedule.steps))
    return replace(plan, schedule=replace(plan.schedule, steps=steps))
