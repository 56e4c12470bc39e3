"""Where a model's firmware runs: --on and --port, choosing a serial port, and the session. Shared by run, verify, bench, flash."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinyml import __version__
from tinyml.board import Board, load_board
from tinyml.commands.common import Console, Job
from tinyml.commands.firmware import all_boards, build_in
from tinyml.device.counting import Counting
from tinyml.device.counting import prepare as prepare_counting
from tinyml.device.emulate import open_session as open_device_session
from tinyml.device.ports import EMULATOR, Ask, Port, choose_port
from tinyml.device.records import find_record
from tinyml.device.session import Session
from tinyml.errors import DeviceError, UsageError
from tinyml.report.fit import require_fit
from tinyml.report.memory import plan_report

RECORDS = Path("build")  # the default folder of `tinyml build`


@dataclass(frozen=True)
class Target:
    """A running firmware. note: what it runs on, for the user, and that it is a stand-in where it is one. port, baud: of its
    serial line. compiler, flags: of its image; empty where they are not known."""

    session: Session
    board: Board
    on: str
    emulated: bool
    note: str
    port: str | None
    baud: int | None
    compiler: str
    flags: tuple[str, ...]
    progress: Callable[[str], None]
    counting: Counting | None = None  # of instructions, where the emulator counts them by block
    not_counted: str = ""  # why it does not


def add_target(p: argparse.ArgumentParser, default: str) -> None:
    p.add_argument(
        "--on", choices=["host", "emulator", "device"], help=f"where to run (default {default}; device where --port is given)"
    )
    p.add_argument("--port", metavar="P", help="serial port or URL of the board, or `emulator`; default: found by its USB id")
    p.set_defaults(on_default=default)


def place(args: argparse.Namespace) -> str:
    """host, emulator or device."""
    on = args.on or ("device" if args.port is not None else args.on_default)
    if args.port is not None and on != "device":
        raise UsageError(f"--on {on}", "has no serial port", "leave out --port, or use --on device")
    return on


def port_for(board: Board, explicit: str | None, console: Console) -> str:
    """The serial port to use: named, found, or chosen by the user where stdin is a terminal."""
    return choose_port(board, explicit, asker(console), lambda text: console.err.print(f"tinyml: {text}", markup=False))


def asker(console: Console) -> Ask | None:
    """Asks for one of several ports by its number; None where nobody can be asked."""
    if not (sys.stdin.isatty() and console.err.is_terminal):
        return None

    def ask(ports: tuple[Port, ...]) -> int:
        for k, port in enumerate(ports, 1):
            console.err.print(f"  {k}  {port}", markup=False)
        while True:
            console.err.print(f"which port? [1-{len(ports)}] ", end="", markup=False)
            answer = sys.stdin.readline()
            if not answer:
                raise DeviceError("--port", "no port is chosen", "name one with --port")
            number = answer.strip()
            if number.isascii() and number.isdigit() and 1 <= int(number) <= len(ports):
                return int(number) - 1

    return ask


@contextmanager
def open_session(job: Job, args: argparse.Namespace, console: Console, what: str, count: bool = False) -> Iterator[Target]:
    """The job's firmware, running where --on and --port say; everything that was started ends with the block. count: an
    emulator also counts how often each block of instructions runs."""
    on = place(args)
    board = load_board("host") if on == "host" else job.board
    emulated = on == "emulator" or args.port == EMULATOR
    if emulated and board.emulator is None:
        option = "--port emulator" if args.port == EMULATOR else "--on emulator"
        raise UsageError(option, f"board {board.name} has no emulator", "use --on host, or another --board")
    if on == "device" and board.is_host:
        raise UsageError("--on device", "the host is no device", "name one with --board")
    started = emulated or on == "host"
    port = args.port if started else port_for(board, args.port, console)
    # intermediate tensors are described only where they are asked for: the table costs flash
    debug = getattr(args, "layers", False)
    with _end_by_exception(), tempfile.TemporaryDirectory(prefix="tinyml-") as tmp, console.progress(f"{what} on {on}") as progress:
        build = None
        if started:
            if emulated:
                require_fit(plan_report(job.compiled, board, None), all_boards(), job.compiled.plan, job.remedy)
            progress("compiling")
            build = build_in(job, board, "emulator" if emulated else "device", Path(tmp), debug)
        counting, why = prepare_counting(build, Path(tmp)) if count and emulated and build else (None, "")
        progress("starting")
        digest = job.compiled.project.model_hash
        with open_device_session(board, build, on, port, digest, counting) as session:
            ident = session.identify()
            if debug and ident.steps and not ident.tensors:
                raise DeviceError(session.link.name, "the firmware does not describe its intermediate tensors", "use --port emulator")
            if build:
                compiler, flags = build.compiler, build.flags
            else:
                compiler, flags = find_record(RECORDS, digest, board.name, ident.tool_version)
                if ident.tool_version != __version__:
                    console.err.print(f"tinyml: {port} runs a firmware of tinyml {ident.tool_version}; this is {__version__}", markup=False)
            baud = (board.console.baud or None) if emulated or on == "device" else None
            note = _note(board, on, port, session)
            yield Target(session, board, on, emulated, note, port, baud, compiler, flags, progress, counting, why)


def _note(board: Board, on: str, port: str | None, session: Session) -> str:
    if on == "host":
        return "host"
    if on == "emulator" or port == EMULATOR:
        assert board.emulator is not None
        where = f"QEMU {board.emulator.machine.split(',')[0]}, the very image of the board"
        through = " through its serial port" if port else ""
        return f"{board.name} emulator{through} ({board.emulator.stand_in or where})"
    return f"{board.name} at {port}" + (" (a stand-in, whose times are not the board's)" if session.identify().is_stand_in else "")


@contextmanager
def _end_by_exception() -> Iterator[None]:
    """While the block runs, a request to end unwinds it, so that ports are closed and emulators ended."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    old = {}
    if threading.current_thread() is threading.main_thread():
        for s in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(s) is signal.SIG_DFL:  # one that is ignored, as under nohup, stays so
                old[s] = signal.signal(s, stop)
    try:
        yield
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)
