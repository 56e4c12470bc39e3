"""Building a job's firmware and talking to it: shared by build, plan, run, verify, bench and flash."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinyml.board import Board, list_boards, load_board
from tinyml.commands.common import Console, Job
from tinyml.device.build import BuildResult, compile_project
from tinyml.device.emulate import open_session as open_device_session
from tinyml.device.session import Session
from tinyml.device.tools import missing_tools
from tinyml.errors import UsageError
from tinyml.report.memory import Measured, plan_report, require_fit

ARENA = "arena"  # the arena's symbol in the generated main.c


def add_target(p: argparse.ArgumentParser, default: str) -> None:
    p.add_argument("--on", choices=["host", "emulator", "device"], default=default, help=f"where to run (default {default})")
    p.add_argument("--port", metavar="P", help="serial port of the board")


@cache
def all_boards() -> tuple[Board, ...]:
    return tuple(load_board(name) for name in list_boards())


@dataclass(frozen=True)
class Target:
    """A running firmware. note: what it runs on, for the user, and that it is a stand-in where it is one."""

    session: Session
    note: str
    compiler: str


def write_project(job: Job, folder: Path) -> None:
    for name, text in job.compiled.project.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def build_in(job: Job, board: Board, target: str, folder: Path, debug: bool = False) -> BuildResult:
    """Compiles the job's project in `folder`. debug: with the table of intermediate tensors."""
    write_project(job, folder)
    return compile_project(folder, board, target, build_dir=folder / "build", defines=("TM_MODEL_DEBUG",) if debug else ())


def measured(build: BuildResult) -> Measured:
    return Measured(build.code_bytes, build.ram_static - build.symbol_bytes(ARENA))


def measure(job: Job, console: Console) -> Measured | None:
    """Code and static RAM of the board's own image; None where its compiler is not installed. DoesNotFit before a
    build that could not link."""
    if missing_tools(job.board, "build"):
        return None
    require_fit(plan_report(job.compiled, job.board, None), all_boards(), job.compiled.plan)
    with console.progress(f"building for {job.board.name}") as progress, tempfile.TemporaryDirectory(prefix="tinyml-") as tmp:
        progress("compiling")
        return measured(build_in(job, job.board, "device", Path(tmp)))


@contextmanager
def open_session(job: Job, args: argparse.Namespace, progress: Callable[[str], None]) -> Iterator[Target]:
    """The job's firmware, running where --on says; everything that was started ends with the block."""
    board = load_board("host") if args.on == "host" else job.board
    if args.on == "emulator" and board.emulator is None:
        raise UsageError("--on emulator", f"board {board.name} has no emulator", "use --on host, or another --board")
    if args.on == "device" and board.is_host:
        raise UsageError("--on device", "the host is no device", "name one with --board")
    # intermediate tensors are described only where they are asked for: the table costs flash
    debug = getattr(args, "layers", False)
    with tempfile.TemporaryDirectory(prefix="tinyml-") as tmp:
        build = None
        if args.on != "device":
            if args.on == "emulator":
                require_fit(plan_report(job.compiled, board, None), all_boards(), job.compiled.plan)
            progress("compiling")
            build = build_in(job, board, args.on if args.on == "emulator" else "device", Path(tmp), debug)
        progress("starting")
        with open_device_session(board, build, args.on, args.port, job.compiled.project.model_hash) as session:
            yield Target(session, _note(board, args.on), build.compiler if build else "")


def _note(board: Board, on: str) -> str:
    if on == "host":
        return "host"
    if on == "device":
        return board.name
    assert board.emulator is not None
    return f"{board.name} emulator ({board.emulator.stand_in or 'QEMU ' + board.emulator.machine + ', the very image of the board'})"
