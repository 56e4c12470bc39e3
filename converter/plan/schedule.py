"""Turns a graph into steps with kernel calls and buffers with life times, ready to be placed."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import Graph
from tinyml.opspec import Lowering, load_ops
from tinyml.plan.model import ArenaBuffer, Schedule, Step
from tinyml.plan.storage import Storage, plan_storage

ALIGN = 8  # bytes; every buffer starts at a multiple, so word and double-word loads of a row's start are aligned


def make_schedule(graph: Graph, isa: frozenset[str], views: bool = True, in_place: bool = True) -> Schedule:
    """One step per operator that has anything to execute, in the order of graph.nodes."""
    storage = plan_storage(graph, views, in_place)
    lowering = Lowering({t: at.geom for t, at in storage.layouts.items()}, isa)
    specs = load_ops()
    steps: list[Step] = []
    step_of: dict[int, int] = {}  # node position -> step that runs it, or the step after which a view exists
    scratch: list[tuple[int, int]] = []
    for k, node in enumerate(graph.nodes):
        spec, view = specs[node.op], graph.view(node)
        calls = spec.lower_rest(view, lowering) if k in storage.in_place_views else spec.lower(view, lowering)
        if calls:
            steps.append(Step(k, calls))
            if size := max(c.scratch_bytes for c in calls):
                scratch.append((len(steps) - 1, size))
        step_of[k] = max(0, len(steps) - 1)
    buffers = list(_lives(graph, storage, step_of, len(steps)))
    next_id = graph.fresh_id()
    for n, (s, size) in enumerate(scratch):
        buffers.append(ArenaBuffer(next_id + n, size, ALIGN, s, s, f"scratch of step {s}"))
        steps[s] = replace(steps[s], scratch=next_id + n)
    return Schedule(tuple(steps), storage.layouts, tuple(buffers))


def _lives(graph: Graph, storage: Storage, step_of: dict[int, int], n_steps: int) -> list[ArenaBuffer]:
    """A buffer per root tensor, alive from the first write to the last read of anything that lies in it."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    end = max(0, n_steps - 1)
    for t, root in storage.roots.items():
        born = 0 if t in graph.inputs else step_of[graph.producer[t]]
        reads = [step_of[k] for k in graph.consumers.get(t, ())]
        died = end if t in graph.outputs else max(reads, default=born)
        first[root] = min(first.get(root, born), born)
        last[root] = max(last.get(root, died), died, born)
    return [
        ArenaBuffer(r, graph.tensors[r].bytes, ALIGN, first[r], last[r], f"tensor {r}") for r in sorted(first)
    ]

