"""The path that a real board takes, with an emulated one behind the port: pyserial, framing, session, commands, and how they end."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conftest import REPO, needs
from tinyml import __version__
from tinyml.board import Board, load_board
from tinyml.commands.common import read_model
from tinyml.device.build import BuildResult, compile_project
from tinyml.device.emulate import EmulatedPort, emulator_command, open_port, open_session, start_emulator
from tinyml.errors import DeviceError, Timeout
from tinyml.pipeline import compile_model

pytestmark = pytest.mark.emulator
ARM = needs("arm-none-eabi-gcc", "qemu-system-arm")
RISCV = needs("riscv64-unknown-elf-gcc", "qemu-system-riscv32")
TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"
DIGITS = REPO / "examples" / "digits" / "digits.tflite"


def words(*args: object) -> list[str]:
    return [sys.executable, "-m", "tinyml", *map(str, args)]


def tinyml(*args: object, code: int = 0, cwd: Path | None = None) -> dict:
    p = subprocess.run([*words(*args), "--json"], capture_output=True, text=True, timeout=300, check=False, cwd=cwd)
    assert p.returncode == code, p.stderr[-2000:]
    return {**json.loads(p.stdout), "text": p.stderr}


def digits(board: Board, folder: Path) -> tuple[BuildResult, str]:
    """The digits network's firmware for `board`, and the model's hash."""
    project = compile_model(read_model(DIGITS), "digits", board.isa, lambda text: None).project
    for name, text in project.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return compile_project(folder, board, "emulator", build_dir=folder / "build"), project.model_hash


@pytest.fixture(scope="module")
def board_405(tmp_path_factory) -> tuple[Board, BuildResult, str]:
    board = load_board("stm32f405")
    return (board, *digits(board, tmp_path_factory.mktemp("405")))


@pytest.fixture
def plugged_in(board_405) -> Iterator[str]:
    """The device of a serial port with an emulated stm32f405 behind it that runs the digits network."""
    with EmulatedPort(board_405[0], board_405[1].elf) as machine:
        yield machine.device


def emulators(mark: Path) -> list[int]:
    """Running emulators whose image lies below `mark`."""
    out = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if b"qemu-system" in line and bytes(mark) in line:
            out.append(int(entry.parent.name))
    return out


@pytest.mark.parametrize("name", [pytest.param("stm32f405", marks=ARM), pytest.param("hifive1", marks=RISCV)])
def test_identify_through_the_port(name, tmp_path):
    board = load_board(name)
    build, digest = digits(board, tmp_path)
    with open_session(board, build, "device", "emulator", digest) as s:
        i = s.identify()
        assert (i.model, i.model_hash, i.board, i.tool_version) == ("digits", digest, name, __version__)
        assert (i.inputs, i.outputs, i.max_payload) == (1, 1, board.firmware.payload_bytes) and not i.is_stand_in
        s.self_test()
        assert 0 < s.stack() < s.stack_size() == board.stack_bytes
        assert s.counter == "instructions" and len(emulators(tmp_path)) == 1
    assert not emulators(tmp_path)


@pytest.mark.parametrize(
    ("board", "model"),
    [
        *(pytest.param("stm32f405", m, marks=ARM) for m in ("kws_dscnn_int8", "ic_resnet8_int8")),
        *(pytest.param("hifive1", m, marks=RISCV) for m in ("ad01_int8", "str_ww_int8")),
    ],
)
def test_real_networks_through_the_port(shared_model, board, model):
    out = tinyml("verify", shared_model(model), "--board", board, "--port", "emulator", "--samples", 10)
    assert (out["on"], out["samples"], out["mismatches"], out["first_mismatch"]) == ("device", 10, 0, None)
    assert out["elements"] >= 10 and "serial port" in out["target"]


@ARM
def test_a_stand_in_says_so(tmp_path):
    out = tinyml("verify", DIGITS, "--board", "stm32f746", "--port", "emulator", "--samples", 3, "--layers")
    assert out["mismatches"] == 0 and out["tensors"] == 9 and "Arm MPS2" in out["target"]


@ARM
def test_a_board_at_a_port_needs_no_build_and_its_image_is_known_by_its_record(plugged_in, tmp_path):
    out = tinyml("bench", DIGITS, "--board", "stm32f405", "--port", plugged_in, cwd=tmp_path)
    assert (out["on"], out["port"], out["baud"], out["emulated"], out["repeats"]) == ("device", plugged_in, 115_200, False, 10)
    assert out["compiler"] is None and "compiler unknown" in out["text"] and out["counter"] in ("cycles", "ticks")
    assert sum(r["count"] for r in out["layers"]) + out["unattributed"] == out["total"]
    assert 0 < out["latency_us"]["min"] <= out["latency_us"]["max"]
    assert out["clock_fallback"] and "WARNING" in out["text"]  # the emulated machine has no crystal
    tinyml("build", DIGITS, "--board", "stm32f405", cwd=tmp_path)
    again = tinyml("bench", DIGITS, "--board", "stm32f405", "--port", plugged_in, "--repeat", 1, cwd=tmp_path)
    assert "gcc" in again["compiler"] and "-Os" in again["flags"] and "compiler unknown" not in again["text"]
    x = np.zeros((2, 8, 8, 1), np.int8)
    np.save(tmp_path / "x.npy", x)
    tinyml("run", DIGITS, "--board", "stm32f405", "--port", plugged_in, "-i", "x.npy", "-o", "y.npy", cwd=tmp_path)
    tinyml("run", DIGITS, "--board", "host", "--on", "host", "-i", "x.npy", "-o", "z.npy", cwd=tmp_path)
    assert np.array_equal(np.load(tmp_path / "y.npy"), np.load(tmp_path / "z.npy"))


@ARM
def test_the_wrong_firmware_is_named(plugged_in, shared_model):
    error = tinyml("verify", shared_model("kws_dscnn_int8"), "--board", "stm32f405", "--port", plugged_in, code=7)["error"]
    assert "digits" in error["what"] and f"tinyml {__version__}" in error["what"] and "tinyml flash" in error["fix"]
    error = tinyml("verify", DIGITS, "--board", "stm32f746", "--port", plugged_in, code=7)["error"]
    assert "for stm32f405" in error["what"] and "--board" in error["fix"]
    error = tinyml("verify", DIGITS, "--board", "stm32f405", "--port", plugged_in, "--layers", code=7)["error"]
    assert "intermediate tensors" in error["what"]


def test_options_that_contradict_each_other_are_usage_errors():
    assert "--port" in tinyml("run", DIGITS, "--on", "host", "--port", "x", "-i", "x.npy", code=2)["error"]["fix"]
    assert "no emulator" in tinyml("verify", DIGITS, "--board", "host", "--port", "emulator", code=2)["error"]["what"]
    assert "no device" in tinyml("verify", DIGITS, "--board", "host", "--on", "device", code=2)["error"]["what"]


@ARM
def test_a_machine_that_ends_is_told_at_once(board_405, tmp_path):
    board, build, digest = board_405
    with start_emulator(board, build.elf) as link:
        link.open()
        os.kill(emulators(build.elf.parent)[0], signal.SIGKILL)
        begin = time.monotonic()
        with pytest.raises(DeviceError, match="signal 9"):
            link.request(9, b"", 20.0)
        assert time.monotonic() - begin < 5
    broken = tmp_path / "none.elf"
    with pytest.raises(DeviceError, match=r"exit code 1.*none\.elf"), start_emulator(board, broken) as link:
        link.open(5.0)
    assert not emulators(tmp_path)


def in_terminal(args: list[str], cwd: Path, until: bytes) -> tuple[int | None, bytes, list, list]:
    """Runs a command as the foreground job of a terminal, types Ctrl-C once `until` is shown; returns its exit status, what it
    showed, and the terminal's attributes before and after."""
    pid, line = pty.fork()
    if not pid:  # pragma: no cover
        os.chdir(cwd)
        os.environ["TMPDIR"] = str(cwd)
        os.environ["TERM"] = "xterm"
        os.execv(args[0], args)
    before = after = termios.tcgetattr(line)
    shown, typed, status = bytearray(), False, None
    end = time.monotonic() + 60
    while status is None and time.monotonic() < end:
        after = termios.tcgetattr(line)
        if select.select([line], [], [], 0.05)[0]:
            try:
                shown += os.read(line, 4096)
            except OSError:
                pass  # the other end is closed: the process ends
        if not typed and until in shown:
            os.write(line, b"\x03")
            typed = True
        done, code = os.waitpid(pid, os.WNOHANG)
        status = os.waitstatus_to_exitcode(code) if done else None
    if status is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    while select.select([line], [], [], 0)[0]:
        try:
            shown += os.read(line, 4096)
        except OSError:
            break
    os.close(line)
    return status, bytes(shown), before, after


@ARM
@pytest.mark.parametrize("kind", ["a port", "emulator"])
def test_ctrl_c_leaves_the_port_closed_and_the_terminal_sane(kind, plugged_in, board_405, tmp_path):
    port = plugged_in if kind == "a port" else "emulator"
    job = words("bench", DIGITS, "--board", "stm32f405", "--port", port, "--repeat", 100_000)
    status, shown, before, after = in_terminal(job, tmp_path, b"measuring")
    assert status == 130 and shown.count(b"interrupted") == 1 and b"Traceback" not in shown
    assert before == after
    assert shown.rfind(b"\x1b[?25h") >= shown.rfind(b"\x1b[?25l")  # a cursor that was hidden is shown again
    assert not emulators(tmp_path) and not list(tmp_path.glob("tinyml-*"))
    with open_session(board_405[0], None, "device", plugged_in, board_405[2]) as s:  # the port is free, the board answers
        s.self_test()


@ARM
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)])
def test_no_emulator_outlives_the_command(sent, status, tmp_path):
    job = words("bench", DIGITS, "--board", "stm32f405", "--port", "emulator", "--repeat", 100_000)
    # a signal that is ignored here, as under nohup, would be ignored there
    default = {"preexec_fn": lambda: signal.signal(sent, signal.SIG_DFL)} if sent != signal.SIGKILL else {}
    with subprocess.Popen(job, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}, **default) as p:
        try:
            for line in p.stderr:
                if "measuring" in line:
                    break
            assert len(emulators(tmp_path)) == 1
            p.send_signal(sent)
            assert p.wait(20) == status and "Traceback" not in p.stderr.read()
        finally:
            p.kill()
    end = time.monotonic() + 5
    while emulators(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert not emulators(tmp_path)


@ARM
def test_a_socket_is_a_port_like_any_other(board_405):
    board, build, digest = board_405
    with socket.create_server(("127.0.0.1", 0)) as s:
        number = s.getsockname()[1]
    line = f"tcp:127.0.0.1:{number},server=on,wait=off,nodelay=on"
    with subprocess.Popen(emulator_command(board, build.elf, line), stderr=subprocess.PIPE, text=True) as p:
        try:
            for _ in range(200):
                try:
                    session = open_session(board, None, "device", f"socket://127.0.0.1:{number}", digest)
                    break
                except DeviceError:
                    assert p.poll() is None, p.stderr.read()
                    time.sleep(0.05)
            with session as s:
                s.self_test()
                assert s.run([np.zeros((1, 8, 8, 1), np.int8)])[0].size == 10
        finally:
            p.kill()


def test_silence_says_what_to_do_and_who_else_listens(monkeypatch):
    monkeypatch.setattr("tinyml.device.emulate.START_S", 0.3)
    master, slave = pty.openpty()
    device = os.ttyname(slave)
    with subprocess.Popen(["sleep", "60"], stdin=slave) as other:
        try:
            with pytest.raises(Timeout) as e:
                open_session(load_board("stm32f405"), None, "device", device)
        finally:
            other.kill()
    line = e.value.line()
    assert e.value.exit_code == 9 and "115,200 baud" in line and f"sleep ({other.pid})" in line and "tinyml flash" in line
    os.close(master), os.close(slave)


class RestartsWhenOpened(threading.Thread):
    """A board that is reset when its port is opened: deaf for a while, then some text of a boot loader, then the firmware."""

    def __init__(self, program: Path, deaf_s: float):
        super().__init__(daemon=True)
        self.program, self.deaf_s, self.deaf_bytes, self.stop = program, deaf_s, 0, threading.Event()
        self.line, self.slave = pty.openpty()
        self.device = os.ttyname(self.slave)

    def run(self) -> None:
        select.select([self.line], [], [])
        end = time.monotonic() + self.deaf_s
        while (left := end - time.monotonic()) > 0:
            if select.select([self.line], [], [], left)[0]:
                self.deaf_bytes += len(os.read(self.line, 4096))
        os.write(self.line, b"boot loader 1.0\r\n\xa5\x5a\x01\x81")
        with subprocess.Popen([str(self.program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
            while not self.stop.is_set():
                for fd in select.select([self.line, p.stdout], [], [], 0.05)[0]:
                    data = os.read(fd if fd == self.line else p.stdout.fileno(), 4096)
                    os.write(p.stdin.fileno() if fd == self.line else self.line, data)
            p.kill()


def test_a_board_that_restarts_when_its_port_is_opened_is_waited_for(tmp_path):
    host = load_board("host")
    build = compile_project([TINY], host, build_dir=tmp_path)
    board = RestartsWhenOpened(build.elf, 1.5)
    board.start()
    with open_session(host, None, "device", board.device) as s:
        assert s.identify().model == "tiny" and board.deaf_bytes > 0
        s.self_test()
    board.stop.set()
    board.join(5)


def test_opening_a_port_gives_no_edge_on_the_reset_lines(monkeypatch):
    """The operating system asserts DTR and RTS when a port is opened; letting one go would reset a board that is wired so."""
    import serial

    states = []
    for name in ("dtr", "rts"):
        monkeypatch.setattr(serial.Serial, f"_update_{name}_state", lambda self, name=name: states.append(getattr(self, f"_{name}_state")))
    master, slave = pty.openpty()
    with open_port(load_board("stm32f405"), os.ttyname(slave)):
        pass
    assert states and all(states)
    os.close(master), os.close(slave)
