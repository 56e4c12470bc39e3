"""`tinyml flash` from the model to a board that says what it runs; the board's flash is a file, and the board QEMU."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import REPO, needs
from networks import SCALE, Net
from pio.stand_ins import environment, make_core
from tinyml.board import load_board
from tinyml.cli import main
from tinyml.commands.flash import describe
from tinyml.device.build import compile_project
from tinyml.device.emulate import emulator_command
from tinyml.device.flash import RULES, upload_failure
from tinyml.device.image import flat_image, intel_hex, read_image
from tinyml.device.session import Ident
from tinyml.emit.firmware_project import emit_firmware
from tinyml.errors import DeviceError

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
BOARD = load_board("stm32f405")
TOOLS = needs("arm-none-eabi-gcc", "qemu-system-arm")
TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"


class Desk:
    """A board on the desk: what is written to its flash runs from the next reset on, behind the serial port `url`."""

    def __init__(self, folder: Path):
        self.flash, self.url, self.process = folder / "flash.elf", "", None
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self._port = s.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self._port}"
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def _watch(self) -> None:
        running = 0
        while not self._stop.wait(0.05):
            written = self.flash.stat().st_mtime_ns if self.flash.exists() else 0
            if written != running:
                running = written
                self._reset()

    def _reset(self) -> None:
        self._off()
        serial = f"tcp:127.0.0.1:{self._port},server=on,wait=off,nodelay=on"
        words = emulator_command(BOARD, self.flash, serial)
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _off(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        self._stop.set()
        self._watcher.join()
        self._off()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A board, a PlatformIO with stand-ins whose upload tool writes the board's flash, and an empty working folder."""
    for key in [k for k in os.environ if k.startswith("PLATFORMIO_")]:
        monkeypatch.delenv(key)
    board = Desk(tmp_path)
    for key, value in (environment(make_core(tmp_path / "core", [BOARD])) | {"TINYML_TEST_FLASH": str(board.flash)}).items():
        monkeypatch.setenv(key, value)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield board
    board.close()


def flash(*words: object) -> int:
    return main(["flash", "--board", BOARD.name, *map(str, words), "--json"])


# ---------------------------------------------------------------- from the model to the board


@pytest.mark.emulator
@TOOLS
def test_flash_proves_what_runs_and_bench_measures_it(desk, capsys):
    assert flash(DIGITS, "--port", desk.url) == 0
    io = capsys.readouterr()
    out = json.loads(io.out)
    marker = json.loads((Path("build/digits") / "tinyml-build.json").read_text())
    assert out["model_hash"] == marker["plan"]["model_hash"] and out["model"] == "digits"
    assert (out["board"], out["port"], out["builder"], out["reused"]) == (BOARD.name, desk.url, "pio", False)
    # the emulated clock control answers nothing: the port fell back, and flash says so
    assert out["clock_fallback"] and "CLOCK FALL-BACK" in io.err and out["clock_hz"] == 16_000_000
    assert read_image(desk.flash).sections == read_image(Path("build/digits/firmware.elf")).sections

    assert main(["bench", "--board", BOARD.name, "--port", desk.url, "--repeat", "2", str(DIGITS), "--json"]) == 0
    bench = json.loads(capsys.readouterr().out)
    assert len(bench["layers"]) > 5 and bench["macs"] == 80_864

    assert flash(DIGITS, "--port", desk.url) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["reused"] and again["model_hash"] == out["model_hash"]


@pytest.mark.slow
@pytest.mark.emulator
@TOOLS
def test_an_image_of_the_cross_compiler_is_written_as_it_is(desk, capsys):
    assert flash(DIGITS, "--port", desk.url, "--toolchain", "gcc") == 0
    assert json.loads(capsys.readouterr().out)["builder"] == "gcc"
    assert desk.flash.read_bytes() == Path("build/digits/firmware.elf").read_bytes()


@pytest.mark.emulator
@TOOLS
def test_a_board_that_still_runs_another_model_is_found_out(desk, capsys, monkeypatch, tmp_path):
    """The upload goes elsewhere and reports success."""
    n = Net()
    x = n.act((1, 4))
    other = tmp_path / "other.tflite"
    other.write_bytes(n.build([x], [n.unary("RELU", x, SCALE)]))
    assert flash(other, "--port", desk.url) == 0
    capsys.readouterr()
    monkeypatch.setenv("TINYML_TEST_FLASH", str(tmp_path / "elsewhere"))
    assert flash(DIGITS, "--port", desk.url) == 8
    error = json.loads(capsys.readouterr().out)["error"]
    assert "other" in error["what"] and "digits" in error["what"] and "--port" in error["fix"]


@pytest.mark.slow
@TOOLS
def test_a_project_that_was_changed_is_not_taken_for_the_models(desk, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tinyml.commands.flash.identify", lambda job, port: ident(job.compiled.project.model_hash))
    assert flash(DIGITS, "--port", desk.url) == 0
    main_c = Path("build/digits/src/main.c")
    text = main_c.read_text()
    main_c.write_text(text + "int changed;\n")
    capsys.readouterr()
    assert flash(DIGITS, "--port", desk.url) == 0
    assert not json.loads(capsys.readouterr().out)["reused"] and main_c.read_text() == text


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.slow  # its texts are told apart below without a build
@TOOLS
def test_an_upload_that_fails_is_one_line(desk, capsys, tmp_path, monkeypatch):
    said = tmp_path / "error"
    monkeypatch.setenv("TINYML_TEST_UPLOAD_ERROR", str(said))
    for text, code, word in (
        ("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", 7, RULES),
        ("sh: 1: JLinkExe: not found", 6, "JLinkExe"),
    ):
        said.write_text(text)
        assert flash(DIGITS, "--port", desk.url) == code
        io = capsys.readouterr()
        assert word in io.err.splitlines()[-1] and json.loads(io.out)["error"]["exit_code"] == code
        assert not desk.flash.exists()


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("Error: unable to open ftdi device with LIBUSB_ERROR_ACCESS", 7, "udevadm"),
        ("dfu-util: No DFU capable USB device available", 7, "no programmer"),
        ("Connecting to J-Link via USB...FAILED: Cannot connect\nNo emulators connected via USB.", 7, "no programmer"),
        ("[Errno 2] No such file or directory: '/x/openocd'", 6, "openocd"),
        ("/bin/sh: line 1: st-flash: command not found", 6, "st-flash"),
        ("Error: open failed\n** OpenOCD init failed **", 7, "cable"),
        ("Error: timed out while waiting for target halted", 9, "reset the board"),
        (
            "Uploading .pio/build/x/firmware.bin\nwrote nothing: \x1b[31mverify failed\n*** [upload] Error 1\nhint of nobody\n====== [FAILED] Took 1 s ======",
            7,
            "verify failed",
        ),
        ("", 7, "failed"),
    ],
)
def test_what_upload_tools_say(text, code, word):
    error = upload_failure(text, BOARD)
    assert error.exit_code == code and word in error.line() and BOARD.name in error.line()
    assert "\x1b" not in error.line() and "\n" not in error.line()


def test_without_a_board_nothing_is_built(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinyml.device.ports.list_ports", lambda: ())
    assert flash(DIGITS) == 7
    assert list(tmp_path.iterdir()) == []
    assert flash(DIGITS, "--port", "/dev/no_such_port") == 7
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--board", "host"], ["--board", "riscv32"], ["--board", "stm32f405", "--port", "emulator"]])
def test_what_can_not_be_flashed(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["flash", str(DIGITS), *words]) == 2
    assert "\n" not in capsys.readouterr().err.strip().splitlines()[-1] and list(tmp_path.iterdir()) == []


def test_another_way_to_upload(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert flash(DIGITS, "--port", "socket://127.0.0.1:9", "--upload-protocol", "pigeon") == 2
    assert "stlink" in capsys.readouterr().err.splitlines()[-1]
    seen = []

    def build(job, folder, builder, console):
        seen.append(emit_firmware(job.compiled.project, job.board))

    def upload(folder, board, port, say):
        raise DeviceError(board.platformio.upload_protocol, "stop")

    monkeypatch.setattr("tinyml.commands.flash.build_folder", build)
    monkeypatch.setattr("tinyml.commands.flash.upload", upload)
    assert flash(DIGITS, "--port", "socket://127.0.0.1:9", "--upload-protocol", "dfu") == 7
    assert "upload_protocol = dfu\n" in seen[0]["platformio.ini"] and "dfu: stop" in capsys.readouterr().err


def ident(model_hash: str = "00", flags: int = 0) -> Ident:
    return Ident(1, 0, "cycles", 32, 1024, 1, 1, 0, flags, 168_000_000, 168_000_000, 1, 3072, 9, model_hash, "0.1.0", "stm32f405", "digits")


def test_board_clock_caches_and_fall_back_are_told():
    assert describe(ident(flags=2 | 4 | 8)) == "board stm32f405, 168 MHz, instruction cache, data cache, FPU, counter cycles"
    assert "CLOCK FALL-BACK" in describe(ident(flags=1)) and "FALL-BACK" not in describe(ident())


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("name", ["stm32h743", "hifive1"])
@needs("arm-none-eabi-objcopy", "riscv64-unknown-elf-objcopy")
def test_flat_image_and_hex_are_those_of_objcopy(name, tmp_path):
    board = load_board(name)
    elf = compile_project([TINY], board, build_dir=tmp_path).elf
    objcopy = board.toolchain.prefix + "objcopy"
    origin, data = flat_image(elf)
    subprocess.run([objcopy, "-O", "binary", elf, tmp_path / "x.bin"], check=True, timeout=60)
    assert origin == board.main_bank("flash").origin and data == (tmp_path / "x.bin").read_bytes()
    (tmp_path / "ours.hex").write_text(intel_hex((origin, data)))
    subprocess.run([objcopy, "-I", "ihex", "-O", "binary", tmp_path / "ours.hex", tmp_path / "y.bin"], check=True, timeout=60)
    assert (tmp_path / "y.bin").read_bytes() == data
    subprocess.run(
        [objcopy, "-I", "binary", "-O", "ihex", f"--change-addresses={origin:#x}", tmp_path / "x.bin", tmp_path / "z.hex"], check=True
    )
    records = [line for line in (tmp_path / "z.hex").read_text().split() if line[7:9] in ("00", "04")]
    assert [r for r in intel_hex((origin, data)).split() if r[7:9] in ("00", "04")] == records


@needs("arm-none-eabi-gcc", "arm-none-eabi-objcopy")
def test_a_gap_in_the_image_is_erased_flash(tmp_path):
    (tmp_path / "x.s").write_text(".text\n.globl _start\n_start: .word 1\n.data\n.word 2\n")
    elf, flat = tmp_path / "x.elf", tmp_path / "x.bin"
    link = ["-nostdlib", "-nostartfiles", "-Wl,-Ttext=0x08000000,-Tdata=0x08003000", tmp_path / "x.s", "-o", elf]
    subprocess.run(["arm-none-eabi-gcc", *link], check=True, timeout=60)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xff", elf, flat], check=True, timeout=60)
    assert flat_image(elf) == (0x08000000, flat.read_bytes()) and flat.stat().st_size == 0x3004


def test_hex_across_a_border_of_64_kib():
    text = intel_hex((0x0800FFF8, bytes(range(16))))
    assert [re.fullmatch(r":[0-9A-F]+", line) is not None for line in text.split()] == [True] * 5
    assert text.split()[0] == ":020000040800F2" and text.split()[2] == ":020000040801F1" and text.split()[-1] == ":00000001FF"
    for line in text.split():
        assert sum(bytes.fromhex(line[1:])) & 0xFF == 0
