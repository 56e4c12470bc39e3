"""Compiles and links a firmware: the project's C, the runner and the board's port, with the board's compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinyml.board import Board
from tinyml.device.image import Image, read_image
from tinyml.device.linker import STACK_SECTION, WEIGHTS_SECTION, linker_script
from tinyml.device.tools import install_command, missing_tools
from tinyml.errors import BuildError, DoesNotFit, UsageError
from tinyml.resources import boards_dir, runtime_dir

TARGETS = ("device", "emulator")
COMPILE_S, LINK_S = 300, 120
BASE_FLAGS = ("-std=c99", "-g0", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off", "-fno-strict-aliasing", "-Wall", "-Wextra")


@dataclass(frozen=True)
class BuildResult:
    """Sizes in bytes. code_bytes: all flash but the weights; ram_static: .data and .bss, the arena included, without stack."""

    elf: Path
    board: Board
    target: str
    image: Image
    compiler: str
    flags: tuple[str, ...]

    @property
    def weights_bytes(self) -> int:
        return self.image.size(WEIGHTS_SECTION)

    @property
    def flash_bytes(self) -> int:
        data = 0 if self.board.is_host else self.image.size(".data")
        ram = {".data"} | {f".bank_{b.name}" for b in self.board.banks}
        return data + sum(s.size for s in self.image.sections if s.stored and s.name not in ram)

    @property
    def code_bytes(self) -> int:
        return self.flash_bytes - self.weights_bytes

    @property
    def ram_static(self) -> int:
        return self.image.size(".data", ".bss")

    @property
    def stack_bytes(self) -> int:
        return self.image.size(STACK_SECTION)

    @property
    def sections(self) -> dict[str, int]:
        return {name: self.image.size(f".{name}") for name in ("text", "rodata", "data", "bss")}

    def symbol_bytes(self, name: str) -> int:
        """Size of an object or function, as of `arena`; 0 where it does not exist."""
        return self.image.symbols.get(name, (0, 0))[1]


def compile_project(
    project: Path | Sequence[Path],
    board: Board,
    target: str = "device",
    *,
    build_dir: Path,
    jobs: int = 2,
    optimize: str = "-Os",
    include_dirs: Sequence[Path] = (),
    defines: Sequence[str] = (),
) -> BuildResult:
    """Builds `project` (a folder: every C file in it; or a list of C files) into build_dir/firmware.elf.

    target "emulator" uses the stand-in port where the board has one, else it is the same as "device".
    Raises BuildError with the compiler's first error, DoesNotFit where the image is larger than a memory bank."""
    if target not in TARGETS:
        raise UsageError(target, "is not a build target", f"one of {', '.join(TARGETS)}")
    missing = missing_tools(board, "build")
    if missing:
        raise BuildError(board.name, f"{missing[0].program} is not installed", f"run: {install_command(missing)}")
    sources, includes = _project(project)
    stand_in = target == "emulator" and board.emulator is not None and bool(board.emulator.port)
    port = board.emulator.port if stand_in and board.emulator else board.firmware.port
    sources += sorted((runtime_dir() / "runner").glob("*.c")) + [boards_dir() / p for p in port]
    flags = (*board.toolchain.flags, optimize, *BASE_FLAGS, *(f"-D{d}" for d in (*_defines(board), *defines)))
    includes = [*includes, *include_dirs, runtime_dir() / "include", runtime_dir() / "runner"]
    build_dir.mkdir(parents=True, exist_ok=True)
    work = build_dir / "obj"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()

    def compile_one(job: tuple[int, Path]) -> Path:
        k, source = job
        obj = work / f"{k:03d}_{source.stem}.o"
        _run([board.toolchain.cc, *flags, *(f"-I{i}" for i in includes), "-c", str(source), "-o", str(obj)], board, source.name, COMPILE_S)
        return obj

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        objects = list(pool.map(compile_one, enumerate(sources)))
    elf = build_dir / "firmware.elf"
    _link(objects, elf, board, stand_in, flags, build_dir)
    shutil.rmtree(work, ignore_errors=True)
    return BuildResult(elf, board, target, read_image(elf), compiler_version(board), flags)


def compiler_version(board: Board) -> str:
    """First line of the compiler's --version."""
    out = subprocess.run([board.toolchain.cc, "--version"], capture_output=True, text=True, timeout=30, check=False)
    return out.stdout.splitlines()[0] if out.stdout else board.toolchain.cc


def _project(project: Path | Sequence[Path]) -> tuple[list[Path], list[Path]]:
    if not isinstance(project, Path):
        return list(project), []
    skip = {".pio", "build"}
    sources = sorted(p for p in project.rglob("*.c") if not skip & set(p.relative_to(project).parts))
    if not sources:
        raise BuildError(project.name, "has no C files", "build the project first")
    folders = {p.parent for p in sources} | {p for p in project.rglob("include") if p.is_dir()}
    return sources, sorted(folders)


def _defines(board: Board) -> list[str]:
    out = [f'TM_BOARD_NAME="{board.name}"', f"TM_RUNNER_PAYLOAD={board.firmware.payload_bytes}"]
    return out + ([f"TM_BAUD={board.console.baud}u"] if board.console.baud else [])


def _link(objects: list[Path], elf: Path, board: Board, stand_in: bool, flags: Sequence[str], build_dir: Path) -> None:
    words = [board.toolchain.cc, *board.toolchain.flags, *(f for f in flags if f.startswith("-O")), *board.toolchain.link_flags]
    if not board.is_host:
        script = build_dir / "link.ld"
        script.write_text(linker_script(board, stand_in), encoding="utf-8")
        words += ["-nostartfiles", "-static", f"-T{script}", "-Wl,--fatal-warnings"]
    words += ["-Wl,--gc-sections", f"-Wl,-Map={build_dir / 'firmware.map'}", "-o", str(elf), *map(str, objects), "-lm"]
    _run(words, board, "link", LINK_S)


_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
# what says most, first: a compiler's error, a missing symbol, an assertion or complaint of the linker
_ERRORS = tuple(re.compile(r, re.MULTILINE) for r in (r"error: (?!ld returned)(.+)", r"(undefined reference to .+)", r"ld(?:\.bfd)?: (.+)"))


def _run(words: list[str], board: Board, place: str, timeout_s: float) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        raise BuildError(place, f"{words[0]} took longer than {timeout_s:.0f} s", "try again on a less busy machine") from None
    except OSError as e:
        raise BuildError(place, f"{words[0]} can not be started ({e.strerror})", f"run: {install_command(missing_tools(board, 'build'))}") from None
    if done.returncode == 0:
        return
    over = _OVERFLOW.search(done.stderr)
    if over:
        raise DoesNotFit(
            board.name, f"the image is {int(over[2]):,} bytes larger than {over[1]}", "use a smaller model or a larger board", stage="build"
        )
    matches = (r.search(done.stderr) for r in _ERRORS)
    what = next((m[1] for m in matches if m), (done.stderr.strip().splitlines() or ["failed"])[0])
    raise BuildError(place, f"{words[0]}: {what}", "see the generated C, and report it where it is ours")
