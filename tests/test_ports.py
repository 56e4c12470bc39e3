"""Finding a board's serial port on made-up lists of ports, and why one can not be used on real device nodes."""

from __future__ import annotations

import errno
import grp
import io
import os
import pty
import stat
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tinyml.board import load_board
from tinyml.commands.common import Console
from tinyml.commands.target import asker
from tinyml.device import ports
from tinyml.device.emulate import open_port
from tinyml.device.ports import Port, candidates, check_port, choose_port, holders, open_error, permission, reasons, select_port
from tinyml.errors import DeviceError

BOARD = load_board("stm32f746")
ST = Port("/dev/ttyACM0", "STM32 STLink", "0483:374b")
ST2 = Port("/dev/ttyACM1", "STM32 STLink, serial number 77", "0483:374B")
OTHER = Port("/dev/ttyUSB0", "CP2102", "10c4:ea60")
PLAIN = Port("/dev/ttyS0", "serial port", None)


def no_ids():
    return replace(BOARD, console=replace(BOARD.console, usb_ids=()))


def never(found):
    raise AssertionError(f"asked for one of {found}")


def choose(board, there, ask=never):
    said = []
    try:
        return select_port(board, tuple(there), ask, said.append), said
    except DeviceError as e:
        assert e.exit_code == 7 and "\n" not in e.line()
        return e, said


def test_the_board_s_own_port_is_taken_and_named():
    port, said = choose(BOARD, [OTHER, ST, PLAIN])
    assert port == "/dev/ttyACM0" and len(said) == 1 and "/dev/ttyACM0" in said[0] and "STLink" in said[0]
    assert candidates(BOARD, [OTHER, ST, ST2]) == (ST, ST2)  # hexadecimal digits in either case


def test_several_are_a_choice_and_an_error_where_nobody_can_choose():
    asked = []
    port, _ = choose(BOARD, [ST, OTHER, ST2], lambda found: asked.append(found) or 1)
    assert asked == [(ST, ST2)] and port == "/dev/ttyACM1"
    error, _ = choose(BOARD, [ST, OTHER, ST2], None)
    assert "/dev/ttyACM0" in error.line() and "/dev/ttyACM1" in error.line() and "--port" in error.line()
    assert "ttyUSB0" not in error.line()


def test_a_port_with_another_id_is_never_taken_unasked():
    asked = []
    port, _ = choose(BOARD, [OTHER, PLAIN], lambda found: asked.append(found) or 0)
    assert asked == [(OTHER,)] and port == "/dev/ttyUSB0"
    error, said = choose(BOARD, [OTHER, PLAIN], None)
    assert "/dev/ttyUSB0" in error.line() and "0483:374b" in "\n".join(said)


def test_a_board_without_ids_takes_the_only_usb_port():
    assert choose(no_ids(), [PLAIN, OTHER])[0] == "/dev/ttyUSB0"
    assert isinstance(choose(no_ids(), [ST, OTHER], None)[0], DeviceError)
    assert isinstance(choose(no_ids(), [PLAIN])[0], DeviceError)


def test_reasons_come_in_the_order_of_their_likelihood(monkeypatch):
    error, said = choose(BOARD, [PLAIN])
    assert "--port" in error.line()
    text = "\n".join(said)
    found = [text.index(word) for word in ("cable only charges", "no power", "another USB id", "/dev/ttyS0")]
    assert found == sorted(found)
    monkeypatch.setattr(ports, "permission", lambda device: ("permission denied", f"run: help {device}"))
    assert "run: help /dev/ttyS0" in reasons(BOARD, (PLAIN,))[-1]
    assert "none" in "\n".join(reasons(BOARD, ()))


def test_an_explicit_port_is_used_as_it_is(monkeypatch):
    monkeypatch.setattr(ports, "list_ports", lambda: (ST, PLAIN))
    master, slave = pty.openpty()
    assert choose_port(BOARD, os.ttyname(slave), never, never) == os.ttyname(slave)
    for url in ("socket://127.0.0.1:1", "rfc2217://host:2", "loop://"):
        assert choose_port(BOARD, url, never, never) == url
    with pytest.raises(DeviceError, match="/dev/ttyACM0.*--port") as e:
        choose_port(BOARD, "/dev/no-such-port\x1b[31m", never, never)
    assert e.value.exit_code == 7 and "\x1b" not in e.value.line()
    os.close(master), os.close(slave)


def test_what_the_system_lists_becomes_ports(monkeypatch):
    listed = [
        SimpleNamespace(device="/dev/ttyUSB1", description="n/a", vid=None, pid=None, serial_number=None),
        SimpleNamespace(device="/dev/ttyACM0", description="ST\x1b[1mLink", vid=0x483, pid=0x374B, serial_number="66FF"),
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: listed)
    first, second = ports.list_ports()
    assert (first.device, first.usb_id, second.usb_id, second.description) == ("/dev/ttyACM0", "0483:374b", None, "serial port")
    assert "66FF" in first.description and "\x1b" not in str(first)


SOME_GROUP = next(g for g in grp.getgrall() if g.gr_gid)


@pytest.mark.parametrize(
    ("gid", "mode", "groups", "says"),
    [
        (SOME_GROUP.gr_gid, 0o660, (set(), set()), f"sudo usermod -aG {SOME_GROUP.gr_name} $USER and log in again"),
        (SOME_GROUP.gr_gid, 0o660, (set(), {SOME_GROUP.gr_name}), "; log in again"),
        (0, 0o660, (set(), set()), "sudo chmod a+rw"),
        (SOME_GROUP.gr_gid, 0o600, (set(), set()), "sudo chmod a+rw"),
    ],
)
def test_permission_names_the_command_that_helps(monkeypatch, gid, mode, groups, says):
    node = SimpleNamespace(st_gid=gid, st_mode=stat.S_IFCHR | mode)
    fake = SimpleNamespace(stat=lambda path: node, access=lambda path, how: False, R_OK=os.R_OK, W_OK=os.W_OK, name=os.name)
    monkeypatch.setattr(ports, "os", fake)
    problem = permission("/dev/ttyACM0", lambda: groups)
    assert says in "; ".join(problem)
    assert ("usermod" in says) == ("usermod" in problem[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user without rights")
def test_permission_is_checked_on_the_node_itself(tmp_path):
    node = tmp_path / "port"
    node.touch()
    os.chown(node, 0, SOME_GROUP.gr_gid)
    node.chmod(0o660)
    for folder in (tmp_path, *tmp_path.parents[:-2]):  # one deeper where tests run on several cores
        folder.chmod(folder.stat().st_mode | 0o011)
    assert permission(str(node)) is None
    r, w = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            check_port(str(node))
            os.write(w, b"opened")
        except DeviceError as e:
            os.write(w, e.line().encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    said = os.read(r, 4096).decode()
    os.close(r), os.close(w)
    assert f"usermod -aG {SOME_GROUP.gr_name} $USER" in said


def test_a_busy_port_names_who_holds_it():
    master, slave = pty.openpty()
    device = os.ttyname(slave)
    assert holders(device) == ()
    with open_port(BOARD, device), subprocess.Popen(["sleep", "60"], stdin=slave) as other:
        try:
            who = f"sleep ({other.pid})"
            while holders(device) != (who,):
                assert other.poll() is None
            with pytest.raises(DeviceError) as e:
                open_port(BOARD, device)
            assert e.value.exit_code == 7 and f"in use by {who}" in e.value.line()
        finally:
            other.kill()
    with open_port(BOARD, device):
        pass  # closed above, hence free
    os.close(master), os.close(slave)


def test_other_open_errors_keep_their_text():
    assert "another program" in open_error("/dev/no-such", OSError(errno.EBUSY, "busy")).line()
    assert "strange" in open_error("/dev/no-such", OSError(errno.EIO, "strange")).line()
    with pytest.raises(DeviceError, match="no-such-protocol"):
        open_port(BOARD, "no-such-protocol://x")


class Typed(io.StringIO):
    def isatty(self):
        return True


def test_the_choice_is_by_number(monkeypatch):
    console = Console(True)
    console.err.file = shown = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))
    assert asker(console) is None
    console.err._force_terminal = True
    assert asker(console) is None  # output is a terminal, input is not
    monkeypatch.setattr(sys, "stdin", Typed("0\nx\n3\n2\n"))
    assert asker(console)((ST, ST2)) == 1
    assert "1  /dev/ttyACM0" in shown.getvalue() and "2  /dev/ttyACM1" in shown.getvalue() and shown.getvalue().count("which port?") == 4
    with pytest.raises(DeviceError, match="--port"):
        asker(console)((ST, ST2))  # the end of the input


def test_what_only_some_systems_have_is_not_needed_to_start():
    code = "import sys; sys.modules.update(dict.fromkeys(('pty', 'tty', 'grp', 'pwd'))); import tinyml.cli as c; c.make_parser()"
    p = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 0, p.stderr


def test_a_port_of_windows_is_opened_without_asking_unix(monkeypatch):
    monkeypatch.setattr(ports, "os", SimpleNamespace(name="nt"))
    assert choose_port(BOARD, "COM3", never, never) == "COM3" and permission("COM3") is None
