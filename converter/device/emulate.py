"""Starting a firmware where it can be talked to: a process, an emulator, or a board's serial port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tinyml.board import Board
from tinyml.device.build import BuildResult
from tinyml.device.serial import Link
from tinyml.device.session import Session
from tinyml.device.tools import install_command, missing_tools
from tinyml.device.transport import FdTransport, SerialTransport
from tinyml.errors import BuildError, DeviceError, Timeout, UsageError

PLACES = ("host", "emulator", "device")
START_S = 20.0
PIPE_BYTES_PER_S, EMULATOR_BYTES_PER_S = 20e6, 20e3


def open_target(board: Board, build: BuildResult | None, on: str = "host", port: str | None = None) -> Link:
    """A link to the firmware: started here (host, emulator; `build` is what it runs), or running on the board at `port`.

    Closing the link ends what was started. Raises DeviceError, Timeout, BuildError (no emulator installed), UsageError."""
    if on not in PLACES:
        raise UsageError(on, "is not a place to run", f"one of {', '.join(PLACES)}")
    if on == "device":
        return open_port(board, port)
    if build is None:
        raise UsageError(board.name, "there is no image to run", "build it first")
    return start_process(build.elf) if board.is_host else start_emulator(board, build.elf)


def open_session(board: Board, build: BuildResult | None, on: str = "host", port: str | None = None, model_hash: str | None = None) -> Session:
    """`open_target`, identified; counts of an emulator are instructions. Close the session to end it."""
    link = open_target(board, build, on, port)
    ratio = Fraction(*board.emulator.ticks_per_instruction) if on == "emulator" and board.emulator else None
    try:
        return Session(link, ratio, start_timeout_s=START_S, model_hash=model_hash)
    except BaseException:
        link.close()
        raise


def start_process(program: Path) -> Link:
    """A host firmware; its standard input and output are the line."""
    try:
        p = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as e:
        raise DeviceError(program.name, f"can not be started ({e.strerror})", "build it again") from None
    assert p.stdin and p.stdout

    def close() -> None:
        for f in (p.stdin, p.stdout):
            try:
                f.close()  # type: ignore[union-attr]
            except OSError:
                pass
        _stop(p)

    return Link(FdTransport("host", p.stdout.fileno(), p.stdin.fileno(), close, lambda: _obituary(p), PIPE_BYTES_PER_S))


def emulator_command(board: Board, elf: Path, serial: str) -> list[str]:
    """The emulator's command line; `serial` is QEMU's character device for the console."""
    e = board.emulator
    if e is None:
        raise UsageError(board.name, "has no emulator", "use --on device, or another board")
    return [
        e.binary, "-machine", e.machine, *e.args, "-kernel", str(elf), "-icount", f"shift={e.icount_shift},sleep=off",
        "-display", "none", "-monitor", "none", "-nodefaults", "-serial", serial,
    ]  # fmt: skip


def start_emulator(board: Board, elf: Path) -> Link:
    """QEMU with the console on a socket in a folder of its own; killed when the link is closed."""
    missing = missing_tools(board, "emulate")
    if missing:
        raise BuildError(board.name, f"{missing[0].program} is not installed", f"run: {install_command(missing)}")
    folder = tempfile.mkdtemp(prefix="tinyml-")
    where = os.path.join(folder, "serial")
    server = socket.socket(socket.AF_UNIX)
    errors = tempfile.TemporaryFile()
    process: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None

    def close() -> None:
        for s in (line, server):
            if s is not None:
                s.close()
        if process is not None:
            _stop(process)
        errors.close()
        shutil.rmtree(folder, ignore_errors=True)

    try:
        server.bind(where)
        server.listen(1)
        words = emulator_command(board, elf, f"unix:{where}")
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        line = _accept(server, lambda: _obituary(process, errors))
        transport = FdTransport(
            f"{board.name} emulator", line.fileno(), line.fileno(), close, lambda: _obituary(process, errors), EMULATOR_BYTES_PER_S
        )
        return Link(transport)
    except OSError as e:
        close()
        raise DeviceError(board.name, f"the emulator can not be started ({e.strerror})", "see `tinyml doctor`") from None
    except BaseException:
        close()
        raise


def open_port(board: Board, port: str | None) -> Link:
    """A board's serial port, or any URL pyserial knows."""
    import serial

    if port is None:
        raise DeviceError(board.name, "no serial port is given", "name it with --port, such as /dev/ttyACM0")
    try:
        line = serial.serial_for_url(port, baudrate=board.console.baud or 115200, exclusive=None if "://" in port else True)
    except (OSError, ValueError) as e:
        raise DeviceError(port, f"can not be opened ({e})", "check the cable, and that no other program uses it") from None
    return Link(SerialTransport(line, port, board.console.baud))


def _accept(server: socket.socket, why: Callable[[], str]) -> socket.socket:
    server.settimeout(0.2)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            return server.accept()[0]
        except TimeoutError:
            text = why()
            if text:
                raise DeviceError("emulator", text, "see `tinyml doctor`") from None
    raise Timeout("emulator", f"did not start within {START_S:.0f} s", "try again on a less busy machine")


def _obituary(p: subprocess.Popen[bytes] | None, errors: object = None) -> str:
    """Why the process is gone; empty while it lives."""
    if p is None:
        return "was not started"
    try:
        code = p.wait(0.5)
    except subprocess.TimeoutExpired:
        return ""
    said = b""
    if errors is not None:
        errors.seek(0)  # type: ignore[attr-defined]
        said = errors.read(300)  # type: ignore[attr-defined]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the firmware's process ended ({how}) {said.decode('utf-8', 'replace').strip()}".strip()


def _stop(p: subprocess.Popen[bytes]) -> None:
    p.kill()
    p.wait()
