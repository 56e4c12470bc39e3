"""Faster kernels where a placed plan has room for their scratch: the arena stays as small as without any."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinyml.plan.model import Schedule
from tinyml.plan.place import Placement
from tinyml.plan.schedule import ALIGN


def fill_holes(
    schedule: Schedule, placement: Placement, make: Callable[[Mapping[int, int]], Schedule]
) -> tuple[Schedule, Placement]:
    """The same steps on the same places, each with the kernels that `make` chooses for as much scratch (bytes, by the step's
    first node) as the largest hole that its other buffers leave in the arena."""
    height = -(-placement.height // ALIGN) * ALIGN
    holes = [_hole(schedule, placement, s, height) for s in range(len(schedule.steps))]
    better = make({schedule.steps[s].nodes[0]: size for s, (_, size) in enumerate(holes)})
    scratch = {step.scratch: holes[s][0] for s, step in enumerate(better.steps) if step.scratch is not None}
    known = {b.what: placement.offset(b.id) for b in schedule.buffers}
    offsets = tuple((b.id, scratch[b.id] if b.id in scratch else known[b.what]) for b in better.buffers)
    return better, Placement(offsets, placement.height, placement.lower_bound, placement.optimal)


def _hole(schedule: Schedule, placement: Placement, step: int, height: int) -> tuple[int, int]:
    """Offset and size of the largest aligned piece of the arena that no buffer alive in the step covers, scratch apart."""
    best, end, scratch = (0, 0), 0, schedule.steps[step].scratch
    used = sorted((placement.offset(b.id), b.size_bytes) for b in schedule.buffers if b.first <= step <= b.last and b.id != scratch)
    for at, size in (*used, (height, 0)):
        start = -(-end // ALIGN) * ALIGN
        if at - start > best[1]:
            best = start, at - start
        end = max(end, at + size)
    return best
