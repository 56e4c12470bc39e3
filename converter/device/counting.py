"""Counting instructions by block under emulation: a small plugin of the emulator, compiled when it is first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tinyml.board import Board
from tinyml.device.build import BuildResult
from tinyml.resources import runtime_dir

SOURCE = Path("emulator", "count.c")
COMPILERS = ("cc", "gcc", "clang")
COMPILE_S = 60
COUNTED = "tm_port_count"  # read in front of every step and behind it


@dataclass(frozen=True)
class Counting:
    """mark: address of the function at whose calls the counts are written; `out` is written while the emulator runs."""

    plugin: Path
    mark: int
    out: Path

    @property
    def arguments(self) -> list[str]:
        """For the emulator's command line."""
        return ["-plugin", f"{self.plugin},mark={self.mark:#x},out={self.out}"]


def prepare(build: BuildResult, folder: Path) -> tuple[Counting | None, str]:
    """What counts the blocks of an image that its board's emulator runs, writing into `folder`; None where that is not possible,
    and why."""
    if COUNTED not in build.image.symbols:
        return None, f"the image has no symbol {COUNTED}"
    if any(c in str(folder) for c in ",="):
        return None, f"the folder for temporary files has a comma or an equals sign in its name: {folder}"
    plugin, why = compile_plugin(folder)
    if plugin is None:
        return None, why
    counting = Counting(plugin, build.image.symbols[COUNTED][0] & ~1, folder / "counts")
    return (None, refused) if (refused := _refusal(build.board, counting)) else (counting, "")


def _refusal(board: Board, counting: Counting) -> str:
    """Why the emulator does not take the plugin: some are built without plugins, later ones may want another interface."""
    assert board.emulator is not None
    # a machine of nothing, told to end at once
    words = [board.emulator.binary, "-machine", "none", "-nodefaults", "-display", "none", "-monitor", "stdio", *counting.arguments]
    try:
        done = subprocess.run(words, input="quit\n", capture_output=True, text=True, timeout=COMPILE_S)
    except (OSError, subprocess.TimeoutExpired) as e:
        return f"the emulator does not start with the plugin ({e})"
    said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
    return f"the emulator does not take the plugin: {said}" if done.returncode else ""


def compile_plugin(folder: Path) -> tuple[Path | None, str]:
    """The plugin for this computer, from the user's cache or compiled now; in `folder` where the cache can not be written."""
    source = runtime_dir() / SOURCE
    name = f"count-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}-{sys.platform}-{os.uname().machine if hasattr(os, 'uname') else ''}.so"
    kept = _cache() / name
    if kept.is_file():
        return kept, ""
    compiler = next((c for c in COMPILERS if shutil.which(c)), None)
    if compiler is None:
        return None, f"no compiler for the emulator's plugin ({', '.join(COMPILERS)})"
    made = folder / name
    undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    try:
        done = subprocess.run(
            [compiler, "-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", *undefined, "-o", str(made), str(source)],
            capture_output=True, text=True, timeout=COMPILE_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as e:
        return None, f"the emulator's plugin could not be compiled ({e})"
    if done.returncode:
        return None, f"{compiler} does not compile the emulator's plugin: {done.stderr.strip().splitlines()[:1]}"
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{name}.{os.getpid()}")
        shutil.copyfile(made, part)
        os.replace(part, kept)  # whole or not at all, whoever else does the same
    except OSError:
        return made, ""
    return kept, ""


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".cache")) / "tinyml"
