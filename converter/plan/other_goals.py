"""Where no plan fits: with which options one would."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from tinyml.errors import UsageError
from tinyml.ir import Graph
from tinyml.opspec import load_ops
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, front

MOST_OVERHEAD = 2.0  # beyond that an inference takes twice as long: another board serves better


def smallest_change(graph: Graph, target: Target, goal: Goal, room: int, progress: Callable[[str], None] = lambda text: None) -> str:
    """Options of the command that bring the arena of `graph` (as after all passes) to at most `room` bytes, the ones that change
    least: kernels with little scratch, then rows that are pushed, then recomputation, then both; "" where nothing does."""
    specs = load_ops()
    macs = max(1, sum(specs[n.op].macs(graph.view(n)) for n in graph.nodes))
    modes = (goal.push_rows, True) if not goal.push_rows else (True,)
    for limit in (goal.max_overhead, MOST_OVERHEAD):
        for push in modes:
            same = limit == goal.max_overhead and push == goal.push_rows
            kernels = replace(target, optimize="ram")
            if same and target.optimize == "ram":
                continue
            try:
                found = front(graph, kernels, progress, replace(goal, max_overhead=limit, push_rows=push))
            except UsageError:  # the network's input can not come row by row
                continue
            fitting = [c for c in found if c.height <= room]
            if fitting:
                extra = min(c.extra_macs for c in fitting)
                factor = math.ceil(100 * (1 + extra / macs)) / 100
                words = ["--optimize ram"]
                words += ["--input-mode rows"] if push and not goal.push_rows else []
                words += [f"--max-overhead {factor:.2f}"] if factor > goal.max_overhead else []
                return f"{' '.join(words)} (arena {min(c.height for c in fitting if c.extra_macs == extra):,} B)"
    return ""
