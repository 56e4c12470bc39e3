"""PlatformIO: what of it is installed, and running it on a project folder as a child process."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tinyml.board import Board
from tinyml.device.build import BuildResult, build_error
from tinyml.device.image import read_image, read_producer
from tinyml.emit.flags import compile_flags, framework_flags
from tinyml.errors import BuildError, DoesNotFit, Timeout, TinymlError, UsageError, printable

SETTINGS = {"PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no", "PLATFORMIO_NO_ANSI": "true", "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true"}
BUILD_S = 900.0
INSTALL_S = 3600.0  # packages are some hundred megabytes
STOP_S = 2.0
INSTALL = "pip install platformio"

Say = Callable[[str], None]


def is_installed() -> bool:
    """PlatformIO can be started with this Python."""
    return importlib.util.find_spec("platformio") is not None


def platform_name(board: Board) -> str:
    """ststm32 of platformio/ststm32@^19, or of an address that ends in platform-ststm32.git."""
    if board.platformio is None:
        raise UsageError(board.name, "is not a board that PlatformIO knows", "use --toolchain gcc, or another --board")
    text = re.sub(r"^\S+://", "", board.platformio.platform.strip())
    return text.partition("@")[0].rstrip("/").rpartition("/")[2].partition("#")[0].removesuffix(".git").removeprefix("platform-")


def missing_packages(board: Board) -> tuple[str, ...]:
    """What PlatformIO would have to download before it can build for the board; empty where all of it is there. Reads the core
    folder only: no network, and no code of PlatformIO's. Upload tools are not looked at, which differ by protocol."""
    name = platform_name(board)
    assert board.platformio is not None
    platform = _find(_folder("platforms"), name, board.platformio.platform.partition("@")[2])
    if platform is None:
        return (f"platform {name}",)
    try:
        packages = json.loads((platform / "platform.json").read_text(encoding="utf-8")).get("packages", {})
        needed = {p: str(o.get("version", "")) for p, o in packages.items() if not o.get("optional")}
    except (OSError, ValueError, AttributeError):
        return (f"platform {name}",)
    needed["tool-scons"] = ""
    if board.framework:
        needed |= {p: "" for p, o in packages.items() if o.get("type") == "framework" and board.framework in p}
    return tuple(p for p, version in needed.items() if _find(_folder("packages"), p, version) is None)


def _folder(kind: str) -> Path:
    """platforms or packages: where PlatformIO keeps them."""
    core = os.environ.get("PLATFORMIO_CORE_DIR") or os.environ.get("PLATFORMIO_HOME_DIR")
    return Path(os.environ.get(f"PLATFORMIO_{kind.upper()}_DIR") or Path(core or Path.home() / ".platformio") / kind)


def _find(folder: Path, name: str, version: str) -> Path | None:
    """The folder of an installed package that satisfies `version`, a requirement such as ^19; one that is none is not compared."""
    for meta in sorted(folder.glob("*/.piopm")):
        try:
            found = json.loads(meta.read_text(encoding="utf-8"))
            if found["name"] == name and _satisfies(str(found["version"]), version):
                return meta.parent
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _satisfies(version: str, requirement: str) -> bool:
    try:
        from semantic_version import SimpleSpec, Version

        return Version.coerce(version) in SimpleSpec(requirement) if requirement else True
    except (ImportError, ValueError):
        return True


def require_platformio(board: Board) -> None:
    """Raises UsageError for a board without a platform, BuildError where PlatformIO is not installed."""
    platform_name(board)
    if not is_installed():
        raise BuildError("PlatformIO", "is not installed", f"run: {INSTALL}")


def build_with_platformio(folder: Path, board: Board, say: Say) -> BuildResult:
    """`pio run` in a project folder. PlatformIO downloads what it misses; `say` tells of that and of the stages.

    Raises BuildError with the first error, DoesNotFit as `compile_project` does, Timeout."""
    require_platformio(board)
    code, text = run_platformio(folder, [], say, _bound(board))
    if code:
        raise build_failure(text, board)
    elf = folder / ".pio" / "build" / board.name / "firmware.elf"
    flags = framework_flags(board) if board.framework else compile_flags(board)
    compiler = f"{read_producer(elf)}, PlatformIO {importlib.metadata.version('platformio')}"
    return BuildResult(elf, board, "device", read_image(elf), compiler, flags)


def _bound(board: Board) -> float:
    return INSTALL_S if missing_packages(board) else BUILD_S


_OFFLINE = r"InternetConnectionError|HTTPClientError|ConnectionError|not connected to the Internet"
# What PlatformIO itself complains of: what it is, what to do.
_OWN_ERRORS = (
    (_OFFLINE, "needs the network to download {missing}", "connect this computer, or use --toolchain gcc"),
    (r"UnknownPackageError: (.+)", "{0}", "check the board's platform"),
    (r"(Unknown board ID '.+?')", "{0}", "the installed platform is too old: run `pio pkg update -g`"),
)


def build_failure(text: str, board: Board) -> TinymlError:
    """What PlatformIO said, as one line."""
    place = f"PlatformIO {platform_name(board)}"
    error = build_error(text, board, place, "pio run")
    if isinstance(error, DoesNotFit):
        return error
    for pattern, what, fix in _OWN_ERRORS:
        match = re.search(pattern, text)
        if match:
            missing = ", ".join(missing_packages(board)) or "a package"
            return BuildError(place, printable(what.format(*match.groups(), missing=missing), 300), fix)
    if " error: " in text or "undefined reference" in text or "ld: " in text:
        return error
    return BuildError(place, f"pio run: {printable(last_word(text), 300)}", "see `pio run -v` in the project's folder")


def last_word(text: str) -> str:
    """What the program that failed said last: the line before SCons' own complaint, else the last that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not set(line.strip()) <= set("=-* ") and "[FAILED]" not in line]
    for k, line in enumerate(lines):
        if re.match(r"\*\*\* \[.+\] ", line):
            own = [x for x in lines[:k] if not _STEP.match(x)]
            return own[-1] if own else line
    return lines[-1] if lines else "failed"


_STEP = re.compile(r"(?:Compiling|Archiving|Indexing|Linking|Building|Uploading|Checking|Retrieving|Calculating) |scons:")


_STAGES = (
    (re.compile(r"^Compiling \S*?([^/\\]+)$"), "compiling ({0})"),
    (re.compile(r"^Linking "), "linking"),
    (re.compile(r"^(?:Platform|Tool|Library) Manager: Installing (\S+)"), "PlatformIO downloads {0}"),
    (re.compile(r"^(?:Downloading|Unpacking)\b"), None),
    (re.compile(r"^Uploading "), "uploading"),
)


def stage_of(line: str) -> str | None:
    """What a line of PlatformIO's output says of its progress; None for most lines."""
    for pattern, text in _STAGES:
        match = pattern.match(line)
        if match:
            return text.format(*match.groups()) if text else None
    return None


def run_platformio(folder: Path, words: list[str], say: Say, timeout_s: float) -> tuple[int, str]:
    """`pio run <words>` in a project folder: exit code and output. Its whole group of processes ends with us, or after `timeout_s`."""
    command = [sys.executable, "-m", "platformio", "run", "-d", str(folder), *words]
    try:
        p = subprocess.Popen(
            command, env=os.environ | SETTINGS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as e:
        raise BuildError("PlatformIO", f"can not be started ({e.strerror})", f"run: {INSTALL}") from None
    lines: queue.Queue[str | None] = queue.Queue()
    assert p.stdout is not None
    reader = threading.Thread(target=_read, args=(p.stdout, lines), daemon=True)
    reader.start()
    end, said = time.monotonic() + timeout_s, []
    try:
        while (line := _next(lines, end, timeout_s)) is not None:
            said.append(line)
            stage = stage_of(line.strip())
            if stage:
                say(stage)
        return p.wait(max(1.0, end - time.monotonic())), "".join(said)
    finally:
        _end(p)
        reader.join(5)
        p.stdout.close()


def _read(stream: object, lines: queue.Queue[str | None]) -> None:
    for line in stream:  # type: ignore[attr-defined]
        lines.put(line)
    lines.put(None)


def _next(lines: queue.Queue[str | None], end: float, timeout_s: float) -> str | None:
    try:
        return lines.get(timeout=max(0.0, end - time.monotonic()))
    except queue.Empty:
        raise Timeout(
            "PlatformIO", f"did not end within {timeout_s:.0f} s", "try again; `pio run` in the folder shows where", stage="build"
        ) from None


def _end(p: subprocess.Popen[str]) -> None:
    """Ends what is still running, with the compilers and upload tools in its group: first with a request, which lets an upload
    tool leave the board in order."""
    if p.poll() is not None:
        return
    try:
        os.killpg(p.pid, signal.SIGTERM)
        try:
            p.wait(STOP_S)
        except subprocess.TimeoutExpired:
            pass
        os.killpg(p.pid, signal.SIGKILL)  # some of the group may have outlived its leader
    except (ProcessLookupError, PermissionError):
        pass
    p.wait()
