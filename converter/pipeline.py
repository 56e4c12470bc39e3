"""The compiler as one function: model file and board in, plan and C project out. No side effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinyml.emit.flags import part_defines, runner_defines
from tinyml.emit.project import Project, emit_project
from tinyml.emit.weights import FlashRoom
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.passes import run_passes
from tinyml.plan.model import Plan, Target
from tinyml.plan.planner import BALANCED, Goal, make_plan
from tinyml.plan.stages import Progress


@dataclass(frozen=True, eq=False)
class Compiled:
    source: Graph  # as imported
    plan: Plan  # of the optimised graph
    project: Project
    model_bytes: bytes


def compile_model(
    data: bytes,
    name: str,
    isa: frozenset[str] = frozenset(),
    progress: Progress = lambda text: None,
    after_pass: Callable[[str, Graph], None] = lambda name, g: None,
    goal: Goal = BALANCED,
    weight_rooms: Sequence[FlashRoom] = (),
) -> Compiled:
    """Import, passes, plan, check, emit. `name` is the model's name (a file stem); `isa`: the board's CPU features.
    `goal`: what the plan is for. `weight_rooms`: the flash banks for weights, where there are several.

    Raises InvalidModel, Unsupported, or InternalError where a pass or a plan fails its own verification."""
    progress("importing")
    source = import_model(data, name)
    progress("optimising the graph")
    graph = run_passes(source, after_pass)
    plan = make_plan(graph, Target(isa, goal.optimize), progress, goal)
    progress("generating C")
    calls = (c for s in plan.schedule.steps for c in s.calls)
    defines = (*runner_defines(goal.optimize, plan.schedule.pushed is not None), *part_defines(calls))
    return Compiled(source, plan, emit_project(plan, data, name, weight_rooms, defines), data)
