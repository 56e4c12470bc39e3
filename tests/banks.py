"""Plans over several memory banks, whatever the planner finds worth it."""

from __future__ import annotations

import random

from tinyml.plan.model import Plan
from tinyml.plan.place_banks import Room, Split, pinned, place_buffers
from tinyml.plan.planner import split_plan


def scattered(plan: Plan, banks: int, seed: int) -> Plan:
    """The same schedule with each buffer in one of `banks` arenas, chosen by chance."""
    rng, schedule = random.Random(seed), plan.schedule
    stay = pinned(schedule)
    home = {b.id: 0 if b.id in stay else rng.randrange(banks) for b in schedule.buffers}
    groups = [[b for b in schedule.buffers if home[b.id] == k] for k in range(banks)]
    parts = [(Room(f"bank{k}", 1 << 30, k + 1), place_buffers(schedule, mine, None)) for k, mine in enumerate(groups) if mine or not k]
    return split_plan(plan.graph, schedule, Split(tuple(parts), 0))
