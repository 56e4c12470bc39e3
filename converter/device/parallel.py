"""One firmware of this computer in several processes: many samples, as fast as the computer can."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import numpy as np

from tinyml.board import Board
from tinyml.device.build import BuildResult
from tinyml.device.emulate import open_session

FAST = "-O3"  # the same C gives the same results at any level


def run_all(
    board: Board, build: BuildResult, samples: Sequence[Sequence[np.ndarray]], progress: Callable[[int], None] = lambda done: None
) -> list[list[np.ndarray]]:
    """Outputs of every sample, in order. board: the host's; progress is told how many are done, from any thread."""
    processes = min(os.cpu_count() or 1, len(samples))
    done = count(1)
    with ExitStack() as stack:
        sessions = [stack.enter_context(open_session(board, build, "host")) for _ in range(processes)]

        def work(k: int) -> list[tuple[int, list[np.ndarray]]]:
            out = []
            for at in range(k, len(samples), processes):
                out.append((at, sessions[k].run(samples[at])))
                progress(next(done))
            return out

        with ThreadPoolExecutor(processes) as pool:
            found = dict(pair for part in pool.map(work, range(processes)) for pair in part)
    return [found[k] for k in range(len(samples))]
