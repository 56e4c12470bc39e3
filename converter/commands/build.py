"""`tinyml build`: a model becomes a C project and, where the board's compiler is there, a firmware image."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tinyml import __version__
from tinyml.commands.common import Command, Console, add_budgets, add_model, load_job
from tinyml.commands.firmware import all_boards, build_in, measured
from tinyml.device.files import check_replaceable, replace_folder
from tinyml.device.tools import install_command, missing_tools
from tinyml.report.memory import plan_report, require_fit
from tinyml.report.text import memory_lines


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    p.add_argument("-o", "--output", metavar="DIR", help="project folder (default build/<model>)")
    add_budgets(p)
    p.add_argument("--no-compile", action="store_true", help="write the C project only")


def run(args: argparse.Namespace, console: Console) -> None:
    job = load_job(args, console)
    project = job.compiled.project
    folder = Path(args.output or Path("build") / project.prefix)
    check_replaceable(folder)
    require_fit(plan_report(job.compiled, job.board, None, job.ram, job.flash), all_boards(), job.compiled.plan)
    missing = missing_tools(job.board, "build")
    binaries: dict[str, bytes] = {}
    compiler, numbers = None, None
    if not args.no_compile and not missing:
        with console.progress(f"building for {job.board.name}") as progress, tempfile.TemporaryDirectory(prefix="tinyml-") as tmp:
            progress("compiling")
            build = build_in(job, job.board, "device", Path(tmp))
            binaries = {"firmware.elf": build.elf.read_bytes(), "firmware.map": build.elf.with_suffix(".map").read_bytes()}
            compiler, numbers = build.compiler, measured(build)
    report = plan_report(job.compiled, job.board, numbers, job.ram, job.flash)
    require_fit(report, all_boards(), job.compiled.plan)
    marker = {"tool": "tinyml", "version": __version__, "compiler": compiler, "plan": report.to_json()}
    replace_folder(folder, project.files, binaries, marker)
    console.print(f"{job.path.name} -> {folder}" + (f" (firmware.elf, {compiler})" if compiler else " (C project, not compiled)"))
    for line in memory_lines(report):
        console.print(line)
    if missing and not args.no_compile:
        console.print(f"not compiled: {missing[0].program} is not installed; run: {install_command(missing)}")
    image = str(folder / "firmware.elf") if binaries else None
    console.result({**report.to_json(), "output": str(folder), "toolchain": compiler, "image": image})


COMMAND = Command("build", 10, "turn a model into a C project and firmware for a board", arguments, run)
