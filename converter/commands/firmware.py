"""Building a job's firmware: shared by build, plan, run, verify, bench and flash."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tinyml.board import Board, list_boards, load_board
from tinyml.commands.common import Console, Job
from tinyml.device.build import BuildResult, compile_project
from tinyml.device.files import write_files
from tinyml.device.tools import missing_tools
from tinyml.emit.firmware_project import emit_firmware
from tinyml.emit.flags import OPTIMIZE
from tinyml.report.fit import require_fit
from tinyml.report.memory import Measured, plan_report

ARENAS = ("arena", *(f"arena{k}" for k in range(1, 8)))  # their symbols in the generated main.c


@cache
def all_boards() -> tuple[Board, ...]:
    return tuple(load_board(name) for name in list_boards())


def build_in(job: Job, board: Board, target: str, folder: Path, debug: bool = False, optimize: str = OPTIMIZE) -> BuildResult:
    """Compiles the job's project in `folder` with the cross compiler. debug: with the table of intermediate tensors."""
    files = emit_firmware(job.compiled.project, board, target == "emulator" and bool(board.stand_in))
    write_files(folder, files)
    defines = (*job.compiled.project.defines, *(("TM_MODEL_DEBUG",) if debug else ()))
    return compile_project(folder, board, target, build_dir=folder / "build", optimize=optimize, defines=defines)


def measured(build: BuildResult) -> Measured:
    return Measured(build.code_bytes, build.ram_static - build.main_ram_bytes(*ARENAS))


def measure(job: Job, console: Console) -> Measured | None:
    """Code and static RAM of the board's own image; None where its compiler is not installed, or a framework builds it. DoesNotFit before a
    build that could not link."""
    if job.board.framework or missing_tools(job.board, "build"):
        return None
    require_fit(plan_report(job.compiled, job.board, None), all_boards(), job.compiled.plan, job.remedy)
    with console.progress(f"building for {job.board.name}") as progress, tempfile.TemporaryDirectory(prefix="tinyml-") as tmp:
        progress("compiling")
        return measured(build_in(job, job.board, "device", Path(tmp)))
