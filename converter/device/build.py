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
from tinyml.emit.firmware_project import LINKER_SCRIPT, RUNNER, RUNTIME
from tinyml.emit.flags import OPTIMIZE, compile_flags, link_flags
from tinyml.errors import BuildError, DoesNotFit, TinymlError, UsageError, printable
from tinyml.resources import boards_dir, runtime_dir

TARGETS = ("device", "emulator")
COMPILE_S, LINK_S = 300, 120
SOURCES = (".c", ".S")


@dataclass(frozen=True)
class BuildResult:
    """Sizes in bytes. code_bytes: all of the main flash but the weights; ram_static: .data and .bss, an arena in the main RAM
    included, without stack."""

    elf: Path
    board: Board
    target: str
    image: Image
    compiler: str
    flags: tuple[str, ...]

    @property
    def weights_bytes(self) -> int:
        """In the main flash."""
        return self.image.size(WEIGHTS_SECTION)

    @property
    def flash_bytes(self) -> int:
        """Of the main flash."""
        data = 0 if self.board.is_host else self.image.size(".data")
        elsewhere = {".data"} | {f".bank_{b.name}" for b in self.board.banks}
        return data + sum(s.size for s in self.image.sections if s.stored and s.name not in elsewhere)

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

    def main_ram_bytes(self, *names: str) -> int:
        """Sizes of those of the objects that ram_static counts, since they lie in no bank of their own."""
        spans = [(s.address, s.address + s.size) for s in self.image.sections if s.name.split(".")[1] in ("data", "bss")]
        found = (self.image.symbols.get(n, (0, 0)) for n in names)
        return sum(size for at, size in found if any(lo <= at < hi for lo, hi in spans))


def compile_project(
    project: Path | Sequence[Path],
    board: Board,
    target: str = "device",
    *,
    build_dir: Path,
    jobs: int = 2,
    optimize: str = OPTIMIZE,
    include_dirs: Sequence[Path] = (),
    defines: Sequence[str] = (),
) -> BuildResult:
    """Builds `project` with the cross compiler into build_dir/firmware.elf, and the linker's map beside it.

    project: a folder as `emit.firmware_project` lays it out, or with C files alone, or a list of C files: then runner, port and
    linker script are the package's. target "emulator": the stand-in's port where the board has one, else the same as "device".
    Raises BuildError with the compiler's first error, DoesNotFit where the image is larger than a memory bank."""
    if target not in TARGETS:
        raise UsageError(target, "is not a build target", f"one of {', '.join(TARGETS)}")
    stand_in = target == "emulator" and board.emulator is not None and bool(board.emulator.port)
    if board.framework and not stand_in:
        raise BuildError(board.name, f"is started by the framework {board.framework}, which PlatformIO builds", "use --toolchain pio")
    missing = missing_tools(board, "build")
    if missing:
        raise BuildError(board.name, f"{missing[0].program} is not installed", f"run: {install_command(missing)}")
    complete = isinstance(project, Path) and (project / RUNNER).is_dir()
    sources, includes = _project(project)
    if not complete:
        port = board.emulator.port if stand_in and board.emulator else board.firmware.port
        sources += sorted((runtime_dir() / "runner").glob("*.c")) + [boards_dir() / p for p in port]
        includes = [*includes, runtime_dir() / "include", runtime_dir() / "runner"]
    flags = compile_flags(board, optimize, tuple(defines))
    includes += include_dirs
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
    script: Path | None = None
    if not board.is_host:
        script = project / LINKER_SCRIPT if complete and isinstance(project, Path) else build_dir / "link.ld"
        if not complete:
            script.write_text(linker_script(board, stand_in), encoding="utf-8")
    elf = build_dir / "firmware.elf"
    words = [
        board.toolchain.cc,
        *(["-T", str(script)] if script else []),
        *(f for f in flags if not f.startswith("-D")),
        *link_flags(board),
    ]
    _run([*words, f"-Wl,-Map={elf.with_suffix('.map')}", "-o", str(elf), *map(str, objects), "-lm"], board, "link", LINK_S)
    shutil.rmtree(work, ignore_errors=True)
    return BuildResult(elf, board, target, read_image(elf), compiler_version(board), flags)


def compiler_version(board: Board) -> str:
    """First line of the compiler's --version."""
    out = subprocess.run([board.toolchain.cc, "--version"], capture_output=True, text=True, timeout=30, check=False)
    return out.stdout.splitlines()[0] if out.stdout else board.toolchain.cc


def _project(project: Path | Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Sources in the order in which they are linked, and the folders to search for headers."""
    if not isinstance(project, Path):
        return list(project), []
    skip = {".pio", "build"}
    sources = [p for p in project.rglob("*") if p.suffix in SOURCES and not skip & set(p.relative_to(project).parts)]
    if not sources:
        raise BuildError(project.name, "has no C files", "build the project first")
    folders = {p.parent for p in sources} | {p for p in project.rglob("include") if p.is_dir()}
    folders |= {project / f / "src" for f in (RUNTIME, RUNNER) if (project / f).is_dir()}
    # board/link.py keeps this order as well
    return sorted(sources, key=lambda p: p.relative_to(project).as_posix()), sorted(folders)


_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
# what says most, first: a compiler's error, a missing symbol, an assertion or complaint of the linker
_ERRORS = tuple(re.compile(r, re.MULTILINE) for r in (r"error: (?!ld returned)(.+)", r"(undefined reference to .+)", r"ld(?:\.bfd)?: (.+)"))


def _run(words: list[str], board: Board, place: str, timeout_s: float) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        raise BuildError(place, f"{words[0]} took longer than {timeout_s:.0f} s", "try again on a less busy machine") from None
    except OSError as e:
        raise BuildError(
            place, f"{words[0]} can not be started ({e.strerror})", f"run: {install_command(missing_tools(board, 'build'))}"
        ) from None
    if done.returncode:
        raise build_error(done.stderr, board, place, words[0])


def build_error(text: str, board: Board, place: str, program: str) -> TinymlError:
    """What a compiler or linker said, as one line: DoesNotFit where the image is larger than a bank, else BuildError."""
    over = _OVERFLOW.search(text)
    if over:
        return DoesNotFit(
            board.name, f"the image is {int(over[2]):,} bytes larger than {over[1]}", "use a smaller model or a larger board", stage="build"
        )
    matches = (r.search(text) for r in _ERRORS)
    what = next((m[1] for m in matches if m), (text.strip().splitlines() or ["failed"])[0])
    return BuildError(place, f"{program}: {printable(what, 300)}", "see the generated C, and report it where it is ours")
