"""What an inference takes on a board: counted where the board can be emulated here, else estimated from the kernels in use."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from tinyml.commands.bench import cycles_of
from tinyml.commands.common import Console, Job
from tinyml.commands.target import open_session
from tinyml.device.measure import measure
from tinyml.device.tools import missing_tools
from tinyml.errors import DoesNotFit
from tinyml.quantize.speed import graph_instructions
from tinyml.samples import random_samples


@dataclass(frozen=True)
class Pace:
    """instructions: of one inference; counted: on the emulated board, else estimated. cycles: by the timing model of the board's core,
    None where there is none or it was not asked for. clock_hz: the board's."""

    instructions: int
    counted: bool
    cycles: int | None
    clock_hz: int

    @property
    def per_instruction(self) -> float:
        """Cycles; 1 where nothing better is known."""
        return 1.0 if self.cycles is None else self.cycles / max(1, self.instructions)

    def latency_ms(self, instructions: int) -> float:
        """An estimate for a network of the same kind: as many cycles per instruction, no caches, no wait states."""
        return 1e3 * instructions * self.per_instruction / max(1, self.clock_hz)

    def instructions_in(self, milliseconds: float) -> int:
        return int(milliseconds / 1e3 * self.clock_hz / self.per_instruction)


def pace_of(job: Job, cycles: bool) -> Pace:
    """cycles: also estimated, where there is a timing model of the core."""
    board, graph = job.board, job.compiled.plan.graph
    if board.emulator is not None and not missing_tools(board, "build") and not missing_tools(board, "emulate"):
        options = argparse.Namespace(on="emulator", port=None, on_default="emulator", layers=False)
        sample = random_samples(graph, 1).inputs[0]
        try:
            with open_session(job, options, Console(True), "counting", count=cycles) as target:
                if not cycles:
                    return Pace(target.session.total(sample), True, None, board.f_cpu_hz)
                found = measure(target.session, sample, 1)
                estimate, _ = cycles_of(target, found, 0)
                return Pace(found.total, True, estimate.cycles if estimate else None, board.f_cpu_hz)
        except DoesNotFit:  # what is too large for the board does not run there
            pass
    return Pace(round(graph_instructions(graph, board.isa)), False, None, board.f_cpu_hz)
