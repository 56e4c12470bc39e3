"""The generic Arduino port: compiled against a fake core whose Serial is standard input and output, and driven by the host's session."""

from __future__ import annotations

import subprocess

import pytest

import test_link
from conftest import REPO, needs
from tinyml.board import list_boards, load_board
from tinyml.device.build import compile_project
from tinyml.device.emulate import start_process
from tinyml.device.session import Session
from tinyml.errors import BuildError

PORT = REPO / "boards" / "_arduino" / "port.cpp"
CORE = REPO / "tests" / "c" / "arduino"
TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"
INCLUDES = [f"-I{CORE}", f"-I{REPO / 'runtime_c' / 'include'}", f"-I{REPO / 'runtime_c' / 'runner'}"]
DEFINES = ['-DTM_BOARD_NAME="sketch"', "-DTM_RUNNER_PAYLOAD=256", "-DTM_BAUD=115200u"]
STRICT = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Werror".split()
VARIANTS = {"any core": (), "ESP32": ("-DESP32", "-DF_CPU=160000000UL"), "slow ESP32": ("-DESP32", "-DF_CPU=240000000UL")}
ARDUINO = [b for b in map(load_board, list_boards()) if b.framework == "arduino"]


def compile_sketch(folder, *defines):
    """The port and the runner as a process of this computer."""
    c_sources = [TINY, *sorted((REPO / "runtime_c" / "runner").glob("*.c"))]
    for source in c_sources:
        rename = ["-Dmain=network_main"] if source == TINY else []
        words = ["gcc", "-std=c99", "-O1", *rename, *DEFINES, *INCLUDES, "-c", str(source), "-o", str(folder / f"{source.stem}.o")]
        subprocess.run(words, check=True, timeout=60)
    objects = [str(folder / f"{s.stem}.o") for s in c_sources]
    program = folder / "sketch"
    words = ["g++", "-std=gnu++17", *STRICT, "-DDEAD_LINE=0", *DEFINES, *defines, *INCLUDES, str(PORT), str(CORE / "core.cpp"), *objects]
    subprocess.run([*words, "-o", str(program)], check=True, timeout=60)
    return program


@needs("g++")
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_sketch_speaks_the_protocol(tmp_path, variant):
    with start_process(compile_sketch(tmp_path, *VARIANTS[variant])) as link, Session(link) as s:
        ident = s.identify()
        assert (ident.model, ident.board, ident.max_payload) == ("tiny", "sketch", 256)
        assert bool(ident.flags & 1) == (variant == "slow ESP32")  # it runs at 160 MHz and should at 240
        for seed in range(5):
            test_link.check_run(s, seed)
        s.self_test()
        profile = s.profile(test_link.samples(1)[0])
        assert profile.counter == ("ticks" if variant == "any core" else "cycles")
        assert profile.hz == (1_000_000 if variant == "any core" else 160_000_000)
        assert 0 < profile.total < 10 * profile.hz
        assert s.stack() == s.stack_size() == 0 and link.retries == 0


@needs("g++")
def test_a_dead_line_is_given_up(tmp_path):
    program = tmp_path / "dead"
    words = ["g++", "-std=gnu++17", "-DDEAD_LINE=1", *DEFINES, *INCLUDES, str(PORT), str(CORE / "core.cpp"), "-o", str(program)]
    subprocess.run(words, check=True, timeout=60)
    assert subprocess.run([str(program)], timeout=20, check=False).returncode == 0


@pytest.mark.parametrize("standard", ["gnu++11", "gnu++17", "gnu++2a"])
@pytest.mark.parametrize("compiler", [pytest.param(c, marks=needs(c)) for c in ("riscv64-unknown-elf-g++", "arm-none-eabi-g++")])
def test_the_port_compiles_for_microcontrollers(compiler, standard):
    flags = ["-march=rv32imc", "-mabi=ilp32"] if compiler.startswith("riscv") else ["-mcpu=cortex-m4", "-mthumb"]
    words = [compiler, *flags, "-ffreestanding", f"-std={standard}", *STRICT, *DEFINES, *INCLUDES, "-DESP32", "-fsyntax-only", str(PORT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("board", ARDUINO, ids=lambda b: b.name)
def test_a_board_of_a_framework_says_who_builds_it(tmp_path, board):
    assert board.firmware.port == ("_arduino/port.cpp",)
    with pytest.raises(BuildError, match="--toolchain pio"):
        compile_project([TINY], board, "device", build_dir=tmp_path)


def test_the_catalogue_has_a_board_of_the_framework():
    assert ARDUINO
