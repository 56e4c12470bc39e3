"""`tinyml build`: a model becomes a PlatformIO project, which a plain compiler builds as well, and a firmware image."""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinyml import __version__
from tinyml.commands.common import Command, Console, Job, add_model, load_job
from tinyml.commands.firmware import all_boards, measured
from tinyml.device.build import BuildResult, compile_project
from tinyml.device.files import MARKER, check_replaceable, replace_folder, write_files
from tinyml.device.platformio import build_with_platformio
from tinyml.device.toolchain import TOOLCHAINS, choose_toolchain
from tinyml.emit.firmware_project import emit_firmware
from tinyml.report.fit import require_fit
from tinyml.report.memory import PlanReport, plan_report
from tinyml.report.text import memory_lines

IMAGE = "firmware.elf"


@dataclass(frozen=True)
class Built:
    """A project folder. builder: pio or gcc, compiler: as it calls itself; None where there is no image. reused: it was there."""

    folder: Path
    builder: str | None
    compiler: str | None
    report: PlanReport | None
    reused: bool = False

    @property
    def image(self) -> Path | None:
        return self.folder / IMAGE if self.builder else None


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    p.add_argument("-o", "--output", metavar="DIR", help="project folder (default build/<model>)")
    add_toolchain(p)
    p.add_argument("--no-compile", action="store_true", help="write the project only")


def add_toolchain(p: argparse.ArgumentParser) -> None:
    text = "who builds the image (default: PlatformIO where the board's platform is installed, else the cross compiler)"
    p.add_argument("--toolchain", choices=TOOLCHAINS, help=text)


def output_folder(args: argparse.Namespace, job: Job) -> Path:
    return Path(args.output or Path("build") / job.compiled.project.prefix)


def build_folder(job: Job, folder: Path, builder: str | None, console: Console) -> Built:
    """Writes the project folder whole, or leaves it as it was. builder: pio or gcc; None for the project without an image."""
    check_replaceable(folder)
    require_fit(plan_report(job.compiled, job.board, None, job.ram, job.flash), all_boards(), job.compiled.plan, job.remedy)
    files = emit_firmware(job.compiled.project, job.board)
    binaries: dict[str, bytes] = {}
    build: BuildResult | None = None
    if builder:
        with console.progress(f"building for {job.board.name}") as progress, tempfile.TemporaryDirectory(prefix="tinyml-") as tmp:
            write_files(Path(tmp), files)
            progress("compiling" if builder == "gcc" else "starting PlatformIO")
            if builder == "gcc":
                build = compile_project(Path(tmp), job.board, build_dir=Path(tmp) / "build", defines=job.compiled.project.defines)
            else:
                build = build_with_platformio(Path(tmp), job.board, progress)
            binaries = {IMAGE: build.elf.read_bytes(), "firmware.map": build.elf.with_suffix(".map").read_bytes()}
    # the sections of an image that a framework links are the framework's
    numbers = measured(build) if build and not job.board.framework else None
    report = plan_report(job.compiled, job.board, numbers, job.ram, job.flash)
    require_fit(report, all_boards(), job.compiled.plan, job.remedy)
    marker = {
        "tool": "tinyml", "version": __version__, "builder": builder, "compiler": build.compiler if build else None,
        "flags": list(build.flags) if build else None, "files": digest(files, job.compiled.project.defines), "plan": report.to_json(),
    }  # fmt: skip
    replace_folder(folder, files, binaries, marker)
    return Built(folder, builder, build.compiler if build else None, report)


def reusable(job: Job, folder: Path, builder: str) -> Built | None:
    """The project in `folder`, where an earlier build made it from the same model with the same settings, it has an image of the
    same builder, and nobody has changed its files since."""
    files = emit_firmware(job.compiled.project, job.board)
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        unchanged = all((folder / name).read_text(encoding="utf-8") == text for name, text in files.items())
        same = (marker["files"], marker["builder"], marker["version"]) == (digest(files, job.compiled.project.defines), builder, __version__)
        if unchanged and same and (folder / IMAGE).is_file():
            return Built(folder, builder, str(marker["compiler"]), None, True)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def digest(files: Mapping[str, str], defines: tuple[str, ...] = ()) -> str:
    """Of the names and texts of a project's files, and of what they are compiled with."""
    return hashlib.sha256(json.dumps([files, defines], sort_keys=True).encode()).hexdigest()


def run(args: argparse.Namespace, console: Console) -> None:
    job = load_job(args, console)
    folder = output_folder(args, job)
    check_replaceable(folder)
    choice = None if args.no_compile else choose_toolchain(job.board, args.toolchain)
    built = build_folder(job, folder, choice.name if choice else None, console)
    console.print(f"{job.path.name} -> {folder} ({f'{IMAGE}, {built.compiler}' if built.builder else 'C project, not compiled'})")
    assert built.report is not None
    for line in memory_lines(built.report):
        console.print(line)
    if choice and not choice.name:
        console.print(f"not compiled: {choice.why}")
    image = str(built.image) if built.image else None
    console.result({**built.report.to_json(), "output": str(folder), "builder": built.builder, "toolchain": built.compiler, "image": image})


COMMAND = Command("build", 10, "turn a model into a PlatformIO project and firmware for a board", arguments, run)
