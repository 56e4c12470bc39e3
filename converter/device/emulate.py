"""Starting a firmware where it can be talked to: a process, an emulator, or a board's serial port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tinyml.board import Board
from tinyml.device.build import BuildResult
from tinyml.device.counting import Counting
from tinyml.device.ports import EMULATOR, holders, open_error
from tinyml.device.serial import Link
from tinyml.device.session import Session
from tinyml.device.tools import install_command, missing_tools
from tinyml.device.transport import FdTransport, SerialTransport
from tinyml.errors import BuildError, DeviceError, Timeout, UsageError

PLACES = ("host", "emulator", "device")
START_S = 20.0
PIPE_BYTES_PER_S = 20e6


def open_target(
    board: Board, build: BuildResult | None, on: str = "host", port: str | None = None, counting: Counting | None = None
) -> Link:
    """A link to the firmware: started here (host, emulator; `build` is what it runs), or running on the board at `port`.
    counting: an emulator also counts how often its instructions run.

    port "emulator" is the serial port of an emulated board, and the same as on="emulator". Closing the link ends what was
    started. Raises DeviceError, Timeout, BuildError (no emulator installed), UsageError."""
    if on not in PLACES:
        raise UsageError(on, "is not a place to run", f"one of {', '.join(PLACES)}")
    if on == "device" and port != EMULATOR:
        if port is None:
            raise DeviceError(board.name, "no serial port is given", "name it with --port, such as /dev/ttyACM0")
        return open_port(board, port)
    if build is None:
        raise UsageError(board.name, "there is no image to run", "build it first")
    return start_process(build.elf) if board.is_host else start_emulator(board, build.elf, counting)


def open_session(
    board: Board,
    build: BuildResult | None,
    on: str = "host",
    port: str | None = None,
    model_hash: str | None = None,
    counting: Counting | None = None,
) -> Session:
    """`open_target`, identified; counts of an emulator are instructions. Close the session to end it."""
    link = open_target(board, build, on, port, counting)
    emulated = on == "emulator" or (on == "device" and port == EMULATOR)
    ratio = Fraction(*board.emulator.ticks_per_instruction) if emulated and board.emulator else None
    try:
        return Session(link, ratio, start_timeout_s=START_S, model_hash=model_hash, board=board.name)
    except Timeout:
        who = holders(port) if on == "device" and port and not emulated else ()
        link.close()
        if on != "device" or emulated:
            raise
        also = f"; {', '.join(who)} has the port open too" if who else ""
        what = f"no firmware of tinyml answers at {board.console.baud or 115200:,} baud within {START_S:.0f} s{also}"
        raise Timeout(link.name, what, "run `tinyml flash`, or press the board's reset button and try again") from None
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


def emulator_command(board: Board, elf: Path, serial: str, counting: Counting | None = None) -> list[str]:
    """The emulator's command line; `serial` is QEMU's character device for the console."""
    e = board.emulator
    if e is None:
        raise UsageError(board.name, "has no emulator", "use --on device, or another board")
    return [
        e.binary, "-machine", e.machine, *e.args, "-kernel", str(elf), "-icount", f"shift={e.icount_shift},sleep=off",
        "-display", "none", "-monitor", "none", "-nodefaults", "-serial", serial, *(counting.arguments if counting else ()),
    ]  # fmt: skip


class EmulatedPort:
    """An emulated board behind a serial port of this computer, as if it were plugged in.

    device: the port's name, for pyserial; it may be closed and opened again. The machine runs until `close`."""

    def __init__(self, board: Board, elf: Path, counting: Counting | None = None):
        if os.name != "posix":
            raise DeviceError(board.name, "emulated boards need Linux or macOS", "use --on host, or a board")
        import pty  # not on every system that boards can be plugged into
        import tty

        missing = missing_tools(board, "emulate")
        if missing:
            raise BuildError(board.name, f"{missing[0].program} is not installed", f"run: {install_command(missing)}")
        self._said = tempfile.TemporaryFile()
        self._process: subprocess.Popen[bytes] | None = None
        self._line = -1
        try:
            # our own pty instead of QEMU's: that one looks only once a second whether its other end has been opened
            machine, self._line = pty.openpty()
            try:
                tty.setraw(self._line)  # nothing is echoed; held open, the cable stays plugged in between two users of the port
                self.device = os.ttyname(self._line)
                words = [*_ends_with_us(), *emulator_command(board, elf, "chardev:line", counting)]
                words += ["-add-fd", f"fd={machine},set=1", "-chardev", "pipe,id=line,path=/dev/fdset/1"]
                # a session of its own: Ctrl-C in the terminal is for us, and we end the machine
                self._process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, pass_fds=[machine], start_new_session=True
                )
            finally:
                os.close(machine)
        except OSError as e:
            self.close()
            raise DeviceError(board.name, f"the emulator can not be started ({e.strerror})", "see `tinyml doctor`") from None
        except BaseException:
            self.close()
            raise

    def why_gone(self) -> str:
        """Why the machine does not run any more; empty while it does."""
        return _obituary(self._process, self._said)

    def close(self) -> None:
        if self._process is not None:
            _stop(self._process)
        if self._line >= 0:
            os.close(self._line)
            self._line = -1
        self._said.close()

    def __enter__(self) -> EmulatedPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_emulator(board: Board, elf: Path, counting: Counting | None = None) -> Link:
    """A link to an emulated board through its serial port; closing the link ends the machine."""
    machine = EmulatedPort(board, elf, counting)
    try:
        return open_port(board, machine.device, f"{board.name} emulator", machine.close, machine.why_gone)
    except BaseException:
        machine.close()
        raise


def open_port(
    board: Board,
    port: str,
    name: str | None = None,
    on_close: Callable[[], None] = lambda: None,
    why_gone: Callable[[], str] = lambda: "",
) -> Link:
    """A board's serial port, or any URL pyserial knows. on_close runs after the port is closed; why_gone explains a failed port.

    DTR and RTS stay as the operating system sets them when a port is opened: asserted, with no edge of our own, which a board
    with a reset circuit on them would take for a reset. Boards that restart even so answer when they are up: the start is retried."""
    import serial

    try:
        line = serial.serial_for_url(port, baudrate=board.console.baud or 115200, exclusive=None if "://" in port else True)
    except (OSError, ValueError) as e:
        raise open_error(port, e) from None
    return Link(SerialTransport(line, name or port, board.console.baud, on_close, why_gone))


def _ends_with_us() -> list[str]:
    """Words before a command on Linux so that it ends even where we are killed. The kernel means the thread that starts it, so
    that only the main thread, which lives as long as we do, may ask for this."""
    tool = shutil.which("setpriv") if threading.current_thread() is threading.main_thread() else None
    return [tool, "--pdeathsig", "KILL"] if tool else []


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
