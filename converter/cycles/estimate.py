"""From counts to cycles: a core's timing model applied to every block that ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from tinyml.cycles.counts import Counts, Runs
from tinyml.cycles.model import Core


@dataclass(frozen=True)
class StepEstimate:
    """instructions: as counted, by class in `classes`; cycles: what the core's model makes of them."""

    instructions: int
    cycles: float
    classes: dict[str, int]


@dataclass(frozen=True)
class Estimate:
    """source: what the figures rest on. wait_states: of the memory that code runs from, added to every jump."""

    core: str
    source: str
    wait_states: int
    steps: tuple[StepEstimate, ...]

    @property
    def cycles(self) -> int:
        return round(sum(s.cycles for s in self.steps))

    @property
    def classes(self) -> dict[str, int]:
        out: Counter[str] = Counter()
        for s in self.steps:
            out.update(s.classes)
        return dict(sorted(out.items(), key=lambda kv: -kv[1]))


@cache
def load_core(name: str) -> Core | None:
    """The timing model of a core, from cores/<name>.py; None where there is none."""
    module = f"tinyml.cycles.cores.{name.replace('-', '_')}"
    if not name.replace("-", "_").isidentifier() or find_spec(module) is None:
        return None
    core = import_module(module).CORE
    assert isinstance(core, Core)
    return core


def estimate(counts: Counts, name: str, core: Core, exact: Sequence[int], wait_states: int = 0) -> Estimate | None:
    """The inference in `counts` whose steps took exactly so many instructions, one after the other; the last one where there
    are several, None where there is none (rows that are pushed run while they arrive, not in one piece).

    The function that is counted reads the counter, in front of each step and behind it, so that every other window is a step's. Two
    readings right behind each other are what the readings themselves cost: the least of all windows."""
    lengths = [_length(counts, w) for w in counts.windows]
    reading = min(lengths[1:], default=0)
    wanted = [n + reading for n in exact]
    span = 2 * len(wanted) - 1
    for at in range(len(lengths) - span, 0, -1):
        if wanted and lengths[at : at + span : 2] == wanted:
            empty = _step(counts, counts.windows[lengths.index(reading, 1)], core, wait_states)
            steps = (_step(counts, w, core, wait_states) for w in counts.windows[at : at + span : 2])
            return Estimate(name, core.source, wait_states, tuple(_less(s, empty) for s in steps))
    return None


def _length(counts: Counts, window: Sequence[Runs]) -> int:
    """Instructions that ran."""
    return sum(r.runs * len(counts.blocks[r.block].insns) for r in window)


def _step(counts: Counts, window: Sequence[Runs], core: Core, wait_states: int) -> StepEstimate:
    cycles, classes = 0.0, Counter[str]()
    for r in window:
        insns = [core.decode(i) for i in counts.blocks[r.block].insns]
        if not insns:
            continue
        stall = wait_states if core.fetch_stalls else 0
        cycles += r.runs * core.fixed(insns) + r.left * (core.leaving(insns[-1]) + stall)
        for i in insns:
            classes[i.kind.value] += r.runs
    return StepEstimate(sum(classes.values()), cycles, dict(classes))


def _less(s: StepEstimate, empty: StepEstimate) -> StepEstimate:
    classes = {k: n - empty.classes.get(k, 0) for k, n in s.classes.items()}
    return StepEstimate(s.instructions - empty.instructions, s.cycles - empty.cycles, {k: n for k, n in classes.items() if n})
