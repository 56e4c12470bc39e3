"""The MLPerf Tiny text commands of the same firmware: a third party's runner, beside frames, and with noise between them."""

from __future__ import annotations

import ctypes
import random
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import REPO, needs
from mlperf_runner import Runner
from test_link import HASH, TINY, check_run, samples
from tinyml.board import load_board
from tinyml.device.build import compile_project
from tinyml.device.emulate import EmulatedPort, open_session
from tinyml.device.files import write_files
from tinyml.device.frames import Frame, Parser, encode
from tinyml.emit.firmware_project import emit_firmware
from tinyml.pipeline import compile_model
from witness import litert_run


def firmware(model: Path, board, folder: Path) -> Path:
    compiled = compile_model(model.read_bytes(), model.stem, board.isa)
    write_files(folder, emit_firmware(compiled.project, board, False))
    return compile_project(folder, board, "emulator", build_dir=folder / "build").elf


@pytest.fixture
def port(request):
    """Opens a fresh emulated board's serial port with pyserial."""
    import serial

    def start(board, elf: Path):
        machine = EmulatedPort(board, elf)
        request.addfinalizer(machine.close)
        line = serial.Serial(machine.device, 115200)
        request.addfinalizer(line.close)
        return line

    return start


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    board = load_board("stm32f405")
    return board, compile_project([TINY], board, "emulator", build_dir=tmp_path_factory.mktemp("tiny")).elf


def fixed3(value: float) -> str:
    return f"{value:.3f}"


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_a_runner_measures_kws(port, shared_model, tmp_path):
    """10 inputs; every number equal to that of LiteRT's reference kernels. Warm-up and repeats must not spoil the input."""
    path = shared_model("kws_dscnn_int8")
    board = load_board("stm32f405")
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_content=path.read_bytes())
    scale, zero = (
        np.float32(interpreter.get_output_details()[0]["quantization"][0]),
        interpreter.get_output_details()[0]["quantization"][1],
    )
    runner = Runner(port(board, firmware(path, board, tmp_path)))
    assert "stm32f405" in runner.until_ready() and runner.model() == "kws_dscnn_int8"
    before = runner.timestamp_us()
    seen = set()
    for k in range(10):
        x = np.random.default_rng(k).integers(-128, 128, (1, 49, 10, 1), dtype=np.int8)
        runner.load(x.tobytes())
        got = runner.infer(1, 0) if k % 5 else runner.infer(2, 1)
        want = litert_run(path.read_bytes(), [x])[0].ravel()
        assert got.results == tuple(fixed3((int(q) - zero) * scale) for q in want)
        assert got.us > 0 and runner.results() == got.results
        seen.add(got.results)
    assert len(seen) > 1 and runner.timestamp_us() > before


def tiny_bytes(seed: int, as_float: bool) -> bytes:
    """The two inputs of tiny.c in the model's types, or all as float32."""
    x0, x1 = samples(seed)[0]
    return x0.tobytes() + (x1.astype(np.float32).tobytes() if as_float else x1.tobytes())


def tiny_results(seed: int) -> tuple[str, ...]:
    y0, y1 = samples(seed)[1]
    return tuple(fixed3(v) for v in [*y0.ravel(), *y1.astype(np.float32)])


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_frames_and_text_alternate_on_one_line(port, tiny):
    """With noise between them: neither side's next command is lost for longer than a retry."""
    board, elf = tiny
    line = port(board, elf)
    rng = random.Random(3)
    for seed in range(4):
        runner = Runner(line)
        runner.until_ready()
        runner.load(tiny_bytes(seed, seed % 2 == 1))
        assert runner.infer(3, 2).results == tiny_results(seed)
        with open_session(board, None, "device", line.port, model_hash=HASH) as s:
            check_run(s, seed)
        assert runner.command("infer 1 0") == ["e-[No input is loaded]"]  # frames have used its place
        assert runner.command("results") == ["e-[No results]"]
        line.write(rng.randbytes(300))


@pytest.fixture
def host(tmp_path_factory):
    """The host firmware's answer to pieces of bytes with pauses between them, after which its input ends."""
    elf = compile_project([TINY], load_board("host"), build_dir=tmp_path_factory.mktemp("host")).elf

    def talk(first: bytes, *later: bytes) -> bytes:
        with subprocess.Popen([elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            p.stdin.write(first)
            for piece in later:
                p.stdin.flush()
                time.sleep(1.5)
                p.stdin.write(piece)
            return p.communicate(timeout=20)[0].removeprefix(b"m-init-done\r\nm-ready\r\n")

    return talk


@needs("cc")
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("nonsense 1", "e-[Unknown command: nonsense]"), ("db", "e-[Command 'db' requires a subcommand]"),
        ("db 0", "e-[Insufficient number of hex digits]"), ("db 0g", "e-[Invalid hex digit]"), ("db 00", "e-[No 'db load' before these bytes]"),
        ("db load", "e-[The model takes 56 bytes, or 80 of float32]"), ("db load 0", "e-[The model takes 56 bytes, or 80 of float32]"),
        ("db load 99999999999", "e-[The model takes 56 bytes, or 80 of float32]"), ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]"), ("infer", "e-[No input is loaded]"), ("results", "e-[No results]"),
        ("db load 56", "m-[Expecting 56 bytes]"), ("  name  ", "m-name-dut-[tinyml host]"),
    ],
)  # fmt: skip
def test_what_a_command_answers(host, line, answer):
    for end in ("%", "\r\n", "\n"):
        assert host((line + end).encode()).decode() == f"{answer}\r\nm-ready\r\n"


@needs("cc")
def test_garbage_is_not_a_command(host):
    assert host(b"\xff\x80name\xff%%\r\n\0 %") == b""  # nothing but ends of lines and what was in the middle of noise
    assert host(b"\xffxx%name%") == b"m-name-dut-[tinyml host]\r\nm-ready\r\n"
    assert host(b"x" * 70000 + b"%name%") == b"m-name-dut-[tinyml host]\r\nm-ready\r\n"
    frame = encode(Frame(1, 5, 0, b""))
    for before in (b"na", b"\xa5", b"\xa5\x5a", b"%\xa5\xa5", b"name%\xa5\x5a\x01"):
        answers = [f for f in Parser().feed(host(before + frame)) if f.session == 5]
        assert [f.payload[0] for f in answers] == [0], before


@needs("cc")
def test_a_frame_cut_short_does_not_swallow_what_comes_later(host):
    """On the host, whose clock is the world's; an emulated board's goes slower than ours while it waits."""
    cut = encode(Frame(3, 5, 1, bytes(900)))[:100]
    assert host(cut + b"name%") == b""  # may well be the rest of the frame
    assert host(cut, b"name%") == b"m-name-dut-[tinyml host]\r\nm-ready\r\n"
    assert host(cut, encode(Frame(1, 5, 0, b"")))[:4] == b"\xa5\x5a\x01\x81"


@needs("cc")
def test_floats_are_printed_as_c_prints_them(tmp_path):
    """Every float of int8 networks' usual scales, every power of two, random bits, and ties: exactly Python's %.3f."""
    lib = tmp_path / "text_number.so"
    runner = REPO / "runtime_c"
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-I{runner / 'include'}", f"-I{runner / 'runner'}", str(runner / "runner" / "text_number.c"), "-o", str(lib)],
        check=True, timeout=60,
    )  # fmt: skip
    c = ctypes.CDLL(str(lib)).tm_text_float
    c.restype, c.argtypes = ctypes.c_char_p, [ctypes.c_char_p, ctypes.c_uint32]
    rng = random.Random(5)
    values = [struct.unpack("<f", struct.pack("<I", rng.getrandbits(32)))[0] for _ in range(20000)]
    values += [rng.uniform(-5, 5) for _ in range(20000)] + [k / 16000 for k in range(-4000, 4000)] + [2.0**k for k in range(-149, 32)]
    values += [rng.uniform(0.0004, 0.0006) for _ in range(1000)] + [0.0, -0.0, 4294967040.0]
    for v in values:
        bits = struct.unpack("<I", struct.pack("<f", v))[0]
        exact = struct.unpack("<f", struct.pack("<I", bits))[0]
        if abs(exact) < 2**32:
            assert c(ctypes.create_string_buffer(24), bits).decode() == f"{exact:.3f}"
        else:
            assert c(ctypes.create_string_buffer(24), bits).decode().endswith("4294967295.999")
