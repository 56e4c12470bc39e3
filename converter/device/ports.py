"""Finding a board's serial port: by its USB ids, or by asking; and saying why there is none, or why it can not be used."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tinyml.board import Board
from tinyml.errors import DeviceError, printable

EMULATOR = "emulator"  # as --port: the board's emulated machine, reached through a serial port of its own


@dataclass(frozen=True)
class Port:
    """A serial port of this computer. usb_id: "0483:374b", None where it is not on USB."""

    device: str
    description: str
    usb_id: str | None

    def __str__(self) -> str:
        return f"{self.device} ({self.description}, {self.usb_id})" if self.usb_id else f"{self.device} ({self.description})"


Ask = Callable[[tuple[Port, ...]], int]
Say = Callable[[str], None]


def list_ports() -> tuple[Port, ...]:
    """All serial ports that the operating system knows, in a fixed order."""
    from serial.tools import list_ports as system

    return tuple(_port(p) for p in sorted(system.comports(), key=lambda p: p.device))


def _port(p: object) -> Port:
    vid, pid, serial = (getattr(p, name, None) for name in ("vid", "pid", "serial_number"))
    text = getattr(p, "description", None)
    words = [printable(text) if text and text != "n/a" else "serial port"] + ([f"serial number {printable(serial)}"] if serial else [])
    return Port(str(getattr(p, "device", "")), ", ".join(words), None if vid is None or pid is None else f"{vid:04x}:{pid:04x}")


def is_match(board: Board, port: Port) -> bool:
    """The port has one of the USB ids that the board file names."""
    return port.usb_id is not None and port.usb_id.lower() in {i.lower() for i in board.console.usb_ids}


def candidates(board: Board, ports: Iterable[Port]) -> tuple[Port, ...]:
    """Of `ports`, those with the board's USB ids; where there is none, every port on USB."""
    on_usb = tuple(p for p in ports if p.usb_id)
    return tuple(p for p in on_usb if is_match(board, p)) or on_usb


def find_ports(board: Board) -> tuple[Port, ...]:
    """The board's ports by its `console.usb_ids`; where there is none, all USB serial ports, as weaker candidates."""
    return candidates(board, list_ports())


def choose_port(board: Board, explicit: str | None, ask: Ask | None, say: Say) -> str:
    """The port to open: a device or a URL of pyserial.

    explicit: what the user named; it is used as it is. ask: shows the candidates, returns the chosen index; None without a terminal.
    say: prints a line for the user. Raises DeviceError (exit code 7) where there is no port, or none that this user may open."""
    device = explicit if explicit is not None else select_port(board, list_ports(), ask, say)
    check_port(device)
    return device


def select_port(board: Board, ports: tuple[Port, ...], ask: Ask | None, say: Say) -> str:
    """The device of one of `ports`. A single port with the board's USB id, or for a board without USB ids a single USB port, is
    taken; anything less certain is asked."""
    found = candidates(board, ports)
    certain = bool(found) and (not board.console.usb_ids or is_match(board, found[0]))
    if len(found) == 1 and certain:
        say(f"using {found[0]}")
        return found[0].device
    if not found:
        for line in reasons(board, ports):
            say(line)
        raise DeviceError(board.name, "no serial port of the board is found", "connect the board, or name its port with --port")
    names = ", ".join(map(str, found))
    if ask is None:
        if certain:
            raise DeviceError(board.name, f"several serial ports may be the board's: {names}", "name one with --port")
        for line in reasons(board, ports):
            say(line)
        raise DeviceError(
            board.name, f"no serial port has the board's USB id; there are {names}", "connect the board, or name its port with --port"
        )
    return found[ask(found)].device


def reasons(board: Board, ports: tuple[Port, ...]) -> tuple[str, ...]:
    """Why the board's port may be missing, most likely first; one line each."""
    ids = ", ".join(board.console.usb_ids)
    others = ", ".join(map(str, ports)) or "none"
    lines = [
        f"no serial port with {'USB id ' + ids if ids else 'a USB id'} is there; most likely first:",
        "  - the USB cable only charges: use one that carries data",
        "  - the board has no power, or the cable is in its other socket: use the socket of the debugger or serial converter",
        "  - the board has another USB id, or another adapter is in use: ports there are: " + others,
        "  - this is a virtual machine or container: hand the USB device to it",
    ]
    return (*lines, *(f"  - {p.device}: {what}; {fix}" for p in ports for what, fix in [permission(p.device) or ("", "")] if what))


def check_port(device: str) -> None:
    """Raises DeviceError where a device of this computer does not exist or may not be opened by this user. URLs pass."""
    if os.name != "posix" or "://" in device:
        return
    if not os.path.exists(device):
        there = ", ".join(map(str, list_ports())) or "none"
        raise DeviceError(
            printable(device), f"there is no such port; ports there are: {there}", "connect the board, or name another --port"
        )
    problem = permission(device)
    if problem:
        raise DeviceError(printable(device), *problem)


def permission(device: str, user_groups: Callable[[], tuple[set[str], set[str]]] | None = None) -> tuple[str, str] | None:
    """What keeps this user from opening the device, and the command that helps; None where nothing does, or it is not there.

    user_groups: names of the groups in force for this process, and of those the user database gives."""
    if os.name != "posix":
        return None
    try:
        node = os.stat(device)
    except OSError:
        return None
    if os.access(device, os.R_OK | os.W_OK):
        return None
    import grp

    try:
        group = grp.getgrgid(node.st_gid).gr_name
    except KeyError:
        group = str(node.st_gid)
    usable = stat.S_IRGRP | stat.S_IWGRP
    if node.st_mode & usable != usable or node.st_gid == 0:
        return "permission denied", f"run: sudo chmod a+rw {device}"
    active, granted = (user_groups or _user_groups)()
    if group in granted and group not in active:
        return f"permission denied: the group {group}, which owns it, is not yet in force", "log in again"
    return f"permission denied: you are not in the group {group}, which owns it", f"run: sudo usermod -aG {group} $USER and log in again"


def _user_groups() -> tuple[set[str], set[str]]:
    import grp
    import pwd

    active = {g.gr_name for g in grp.getgrall() if g.gr_gid in {*os.getgroups(), os.getegid()}}
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return active, set()
    granted = {g.gr_name for g in grp.getgrall() if user.pw_name in g.gr_mem or g.gr_gid == user.pw_gid}
    return active, granted


def open_error(device: str, error: Exception) -> DeviceError:
    """Why pyserial could not open a port, for the user."""
    name = printable(device)
    problem = permission(device)
    if problem:
        return DeviceError(name, *problem)
    code = getattr(error, "errno", None)
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        who = ", ".join(holders(device)) or "another program"
        return DeviceError(name, f"is in use by {who}", "close that program, then try again")
    return DeviceError(name, f"can not be opened ({printable(error, 200)})", "check the cable, and that no other program uses it")


def holders(device: str, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Other processes that have the device open, as "minicom (1234)"; what this user may not see is left out."""
    real, out = os.path.realpath(device), []
    for entry in sorted(proc.glob("[0-9]*"), key=lambda p: int(p.name)):
        if int(entry.name) == os.getpid():
            continue
        try:
            if any(os.path.realpath(os.readlink(fd)) == real for fd in (entry / "fd").iterdir() if fd.is_symlink()):
                out.append(f"{printable((entry / 'comm').read_text(encoding='utf-8', errors='replace').strip())} ({entry.name})")
        except OSError:
            continue  # it ended, or belongs to another user
    return tuple(out)
