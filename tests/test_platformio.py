"""The project that `tinyml build` writes is a PlatformIO project, and PlatformIO makes of it what the cross compiler makes.

PlatformIO runs from an empty core folder with local stand-ins for its packages, without a network: see tests/pio/README.md.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from conftest import REPO, needs
from interpret import interpret
from pio.stand_ins import FLAGS, environment, is_served, make_core
from tinyml import __version__
from tinyml.board import Board, list_boards, load_board
from tinyml.cli import main
from tinyml.device.build import compile_project
from tinyml.device.emulate import open_session
from tinyml.device.files import MARKER, write_files
from tinyml.device.linker import image_banks
from tinyml.device.platformio import (
    SETTINGS,
    build_failure,
    build_with_platformio,
    missing_packages,
    platform_name,
    run_platformio,
    stage_of,
)  # fmt: skip
from tinyml.device.toolchain import choose_toolchain
from tinyml.emit.firmware_project import emit_firmware
from tinyml.errors import BuildError, DoesNotFit, Timeout, UsageError
from tinyml.pipeline import Compiled, compile_model

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
BOARDS = [load_board(name) for name in list_boards()]
KNOWN = [b for b in BOARDS if b.platformio]
SERVED = [b for b in KNOWN if platform_name(b) in FLAGS and b.framework is None]
QUICK = ("stm32f746", "hifive1", "ch32v307")  # an Arm, a RISC-V, and a platform whose own flags do not even compile here


def marked(boards: list[Board]) -> list:
    return [pytest.param(b, id=b.name, marks=[needs(b.toolchain.cc), *([] if b.name in QUICK else [pytest.mark.slow])]) for b in boards]


@cache
def compiled(isa: frozenset[str]) -> Compiled:
    return compile_model(DIGITS.read_bytes(), "digits", isa)


def project(board: Board) -> dict[str, str]:
    return emit_firmware(compiled(board.isa).project, board)


@pytest.fixture
def core(tmp_path, monkeypatch) -> Path:
    """An empty core folder but for the stand-ins; this process and its children see it, and no network."""
    folder = make_core(tmp_path / "core", BOARDS)
    for key in [k for k in os.environ if k.startswith("PLATFORMIO_")]:
        monkeypatch.delenv(key)
    for key, value in environment(folder).items():
        monkeypatch.setenv(key, value)
    return folder


def contents(elf: Path) -> dict[str, tuple[int, int, bytes]]:
    """Name -> address, size and bytes of every section that occupies memory."""
    with open(elf, "rb") as f:
        sections = [s for s in ELFFile(f).iter_sections() if s["sh_flags"] & SH_FLAGS.SHF_ALLOC]
        return {s.name: (s["sh_addr"], s["sh_size"], b"" if s["sh_type"] == "SHT_NOBITS" else s.data()) for s in sections}


def placed(symbols: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Without the names of object files, which have no address."""
    return {name: place for name, place in symbols.items() if place != (0, 0)}


# ---------------------------------------------------------------- both compilers


@pytest.mark.parametrize("board", marked(SERVED))
def test_platformio_and_the_cross_compiler_make_the_same_image(board, core, tmp_path):
    """From an empty core folder and without a network: sections byte for byte, symbols, and where the board has its memory."""
    assert is_served(board)
    files = project(board)
    write_files(tmp_path / "p", files)
    pio = build_with_platformio(tmp_path / "p", board, lambda text: None)
    gcc = compile_project(tmp_path / "p", board, build_dir=tmp_path / "gcc", defines=compiled(board.isa).project.defines)
    assert contents(pio.elf) == contents(gcc.elf)
    assert placed(pio.image.symbols) == placed(gcc.image.symbols) and pio.image.entry == gcc.image.entry
    assert pio.sections == gcc.sections and pio.weights_bytes == gcc.weights_bytes > 1000
    banks = image_banks(board, False)
    for s in pio.image.sections:
        home = [b for b in banks if b.origin <= s.address and s.address + s.size <= b.origin + b.size]
        ram = s.name in (".stack", ".data", ".bss") or s.name.startswith(".bank_")
        assert home and home[0].kind == ("ram" if ram else "flash"), s.name
    assert {p: (tmp_path / "p" / p).read_text() for p in files} == files, "a build changes no file of the project"


def test_every_board_that_platformio_knows_has_a_stand_in_or_a_framework():
    assert {b.name for b in KNOWN} - {b.name for b in SERVED} == {b.name for b in BOARDS if b.framework}
    assert len(SERVED) >= 10 and set(QUICK) <= {b.name for b in SERVED}


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    "left_out",
    [
        r"extra_scripts =(\n  .+)+",
        pytest.param(r"  -mf(pu|loat-abi)=\S+\n", marks=pytest.mark.slow),
        pytest.param(r"board_build.ldscript = .+", marks=pytest.mark.slow),
    ],
)
def test_the_stand_in_gives_no_more_than_upstream(left_out, core, tmp_path):
    """A platformio.ini that leaves something out does not give the same image: the tests above would see it."""
    board = load_board("stm32f746")
    files = project(board)
    write_files(tmp_path / "p", files)
    whole = contents(build_with_platformio(tmp_path / "p", board, lambda text: None).elf)
    poor, n = re.subn(left_out, "", files["platformio.ini"])
    assert n >= 1
    write_files(tmp_path / "q", files | {"platformio.ini": poor})
    try:
        assert contents(build_with_platformio(tmp_path / "q", board, lambda text: None).elf) != whole
    except BuildError:
        pass


@pytest.mark.slow
@needs("arm-none-eabi-gcc")
def test_a_compiler_without_our_c_library_gets_what_it_knows(core, tmp_path):
    """Another vendor's compiler: it has no nano.specs, and is asked before it is used with it."""
    (gcc,) = (core / "packages" / "toolchain-ststm32" / "bin").glob("*gcc")
    first, rest = gcc.read_text().split("\n", 1)
    gcc.write_text(f'{first}\ncase "$*" in *specs=*) echo "no such file" >&2; exit 1;; esac\n{rest}')
    board = load_board("nucleo_f446re")
    write_files(tmp_path / "p", project(board))
    assert "--specs=nano.specs" in (tmp_path / "p" / "platformio.ini").read_text()
    build = build_with_platformio(tmp_path / "p", board, lambda text: None)
    assert build.weights_bytes > 1000
    with pytest.raises(BuildError, match="no such file"):  # a flag that is not among the portable ones is used as it is
        ini = (tmp_path / "p" / "platformio.ini").read_text()
        write_files(tmp_path / "p", {"platformio.ini": ini.replace("  -static", "  -static\n  --specs=nano.specs")})
        build_with_platformio(tmp_path / "p", board, lambda text: None)


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["stm32f405", "hifive1"])
@needs("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "qemu-system-arm", "qemu-system-riscv32")
def test_an_image_of_platformio_runs(name, core, tmp_path):
    board = load_board(name)
    write_files(tmp_path, project(board))
    build = build_with_platformio(tmp_path, board, lambda text: None)
    c = compiled(board.isa)
    x = np.random.default_rng(7).integers(-128, 128, (1, 8, 8, 1), np.int8)
    with open_session(board, build, "emulator", model_hash=c.project.model_hash) as session:
        ident = session.identify()
        (y,) = session.run([x])
    assert (ident.board, ident.model) == (name, "digits")
    assert np.array_equal(y.ravel(), interpret(c.plan.graph, [x])[0].ravel())


# ---------------------------------------------------------------- the project's files


@pytest.mark.parametrize("board", [pytest.param(b, id=b.name) for b in BOARDS])
def test_the_project_is_complete_and_names_no_computer(board):
    files = project(board)
    assert files == project(board) and list(files) == sorted(files)
    assert ("platformio.ini" in files) == (board.platformio is not None)
    assert "src/main.cpp" in files if board.framework else "src/main.c" in files
    assert {"lib/digits/src/digits.c", "lib/tinyml_runner/src/runner.c", "lib/tinyml_runtime/src/tm/base.h"} <= set(files)
    assert any(path.startswith("src/board/") for path in files)
    for path, text in files.items():
        assert not path.startswith("/") and ".." not in path
        for place in (str(REPO), str(Path.home()) + "/", sys.prefix):
            assert place not in text, path
        for include in re.findall(r'#include "(.+?)"', text):
            near = os.path.normpath(os.path.join(os.path.dirname(path), include))
            # folders on the include path: a library's src, as PlatformIO and Arduino have it
            roots = [f"lib/{lib}/src/{include}" for lib in ("digits", "tinyml_runtime", "tinyml_runner")]
            assert near in files or any(r in files for r in roots), (path, include)


def test_a_kernel_that_the_network_does_not_call_stays_out():
    files = project(load_board("stm32f405"))
    assert "lib/tinyml_runtime/src/fully_connected_i8.c" in files and "lib/tinyml_runtime/src/logistic_f32.c" not in files


@pytest.mark.parametrize("name", ["stm32f746", "esp32c3", "host"])
def test_every_header_of_the_runtime_is_in_one_library(name):
    headers = [path.partition("/src/")[2] for path in project(load_board(name)) if "/tm/" in path]
    assert len(headers) > 8 and len(set(headers)) == len(headers)
    assert {"tm/runner.h", "tm/port.h"} <= set(headers)


def test_the_runtimes_version_is_asserted_against_the_runtime_beside_it():
    files = project(load_board("hifive1"))
    assert "TM_RUNTIME_VERSION ==" in files["lib/digits/src/digits.h"]
    assert [p for p, text in files.items() if "#define TM_RUNTIME_VERSION" in text] == ["lib/tinyml_runtime/src/tm/base.h"]


@pytest.mark.parametrize("library", ["digits", "tinyml_runtime", "tinyml_runner"])
def test_libraries_are_valid_for_platformio_and_arduino(library, tmp_path):
    from platformio.package.manifest.parser import ManifestParserFactory
    from platformio.package.manifest.schema import ManifestSchema

    files = project(load_board("stm32f746"))
    write_files(tmp_path, files)
    folder = tmp_path / "lib" / library
    for name in ("library.json", "library.properties"):
        raw = ManifestParserFactory.new_from_file(str(folder / name)).as_dict()
        raw.pop("license", None)  # compared with a list that PlatformIO downloads
        found = ManifestSchema().load_manifest(raw)  # raises where a field is not valid
        assert (found["name"], found["version"]) == (library, __version__)
        (header,) = [found["headers"]] if isinstance(found["headers"], str) else found["headers"]
        assert (folder / "src" / header).is_file()
    manifest = json.loads((folder / "library.json").read_text())
    assert manifest["build"]["srcDir"] == "src" and manifest["license"] == "Apache-2.0"


@needs("cc")
def test_a_plain_compiler_builds_the_libraries(tmp_path):
    write_files(tmp_path, project(load_board("host")))
    libraries = ["digits", "tinyml_runtime", "tinyml_runner"]
    sources = [p for lib in libraries for p in (tmp_path / "lib" / lib / "src").glob("*.c")]
    includes = [f"-I{tmp_path / 'lib' / lib / 'src'}" for lib in libraries]
    for source in sources:
        subprocess.run(["cc", "-std=c99", "-DTM_RUNNER_PAYLOAD=256", *includes, "-fsyntax-only", source], check=True, timeout=60)
    assert len(sources) > 8


# ---------------------------------------------------------------- the command


@needs("arm-none-eabi-gcc")
def test_build_takes_platformio_where_it_is_all_there(core, tmp_path, capsys):
    board = load_board("stm32f746")
    results = {}
    for words in ([], ["--toolchain", "pio"], ["--toolchain", "gcc"]):
        out = tmp_path / "-".join(["out", *words])
        assert main(["build", "--board", board.name, str(DIGITS), "-o", str(out), "--json", *words]) == 0
        results[out] = json.loads(capsys.readouterr().out)
    assert [r["builder"] for r in results.values()] == ["pio", "pio", "gcc"]
    assert [("PlatformIO" in r["toolchain"]) for r in results.values()] == [True, True, False]
    first, *others = results
    for out in others:
        assert contents(out / "firmware.elf") == contents(first / "firmware.elf")
        assert results[out]["flash"] == results[first]["flash"] and results[out]["ram"] == results[first]["ram"]
    assert {p.name for p in first.iterdir()} == {"platformio.ini", "board", "src", "lib", "firmware.elf", "firmware.map", MARKER}


@needs("arm-none-eabi-gcc")
def test_a_build_that_was_not_asked_to_never_downloads(core, tmp_path, monkeypatch):
    board = load_board("stm32f746")
    assert missing_packages(board) == () and choose_toolchain(board, None).name == "pio"
    for gone, what in (("packages/tool-scons", "tool-scons"), ("packages/toolchain-ststm32", "toolchain-ststm32")):
        (core / gone).rename(core / "gone")
        assert missing_packages(board) == (what,) and choose_toolchain(board, None).name == "gcc"
        (core / "gone").rename(core / gone)
    meta = core / "platforms" / "ststm32" / ".piopm"
    meta.write_text(meta.read_text().replace('"19.0.0"', '"18.3.0"'))  # too old for ^19
    assert missing_packages(board) == ("platform ststm32",) and choose_toolchain(board, None).name == "gcc"
    monkeypatch.setenv("PATH", str(tmp_path))
    none = choose_toolchain(board, None)
    assert none.name is None and "apt-get install" in none.why and "--toolchain pio" in none.why
    assert choose_toolchain(board, "pio").name == "pio"


def test_boards_without_a_platform_or_without_a_plain_compiler(core, tmp_path):
    with pytest.raises(UsageError, match="--toolchain gcc"):
        choose_toolchain(load_board("riscv32"), "pio")
    arduino, *_ = (b for b in BOARDS if b.framework)
    assert choose_toolchain(arduino, None).name is None and "PlatformIO" in choose_toolchain(arduino, None).why
    write_files(tmp_path / "p", project(arduino))
    with pytest.raises(BuildError, match="--toolchain pio"):
        compile_project(tmp_path / "p", arduino, build_dir=tmp_path / "b")


def test_platform_names():
    assert {platform_name(b) for b in KNOWN} == {"ststm32", "sifive", "gd32v", "ch32v", "espressif32", "raspberrypi"}


@pytest.mark.slow  # PlatformIO tries each of its mirrors several times
def test_without_its_platform_and_a_network_it_says_so(tmp_path, monkeypatch, capsys):
    for key, value in environment(tmp_path / "empty").items():
        monkeypatch.setenv(key, value)
    code = main(["build", "--board", "hifive1", str(DIGITS), "-o", str(tmp_path / "out"), "--toolchain", "pio"])
    error = capsys.readouterr().err.splitlines()
    assert code == 6
    assert "platform sifive" in error[-1] and "--toolchain gcc" in error[-1]
    assert any("PlatformIO downloads" in line for line in error[:-1]), "a download is announced"
    assert not (tmp_path / "out").exists()


@needs("arm-none-eabi-gcc")
def test_errors_are_one_line_with_the_code_of_the_cross_compiler(core, tmp_path):
    board = load_board("stm32f746")
    files = project(board)
    main_c, script = files["src/main.c"], files["board/link.ld"]
    write_files(tmp_path / "a", files | {"src/main.c": main_c + "int broken(void) { return undeclared_thing; }\n"})
    write_files(tmp_path / "b", files | {"src/main.c": main_c.replace("tm_port_init()", "missing_thing()")})
    write_files(tmp_path / "c", files | {"board/link.ld": script.replace("LENGTH = 327680", "LENGTH = 6000")})
    for folder, kind, word in (
        ("a", BuildError, "undeclared_thing"),
        ("b", BuildError, "missing_thing"),
        ("c", DoesNotFit, "bytes larger than ram"),
    ):
        with pytest.raises(kind, match=word) as e:
            build_with_platformio(tmp_path / folder, board, lambda text: None)
        assert e.value.exit_code == (5 if kind is DoesNotFit else 6) and "\n" not in e.value.line()
    with pytest.raises(DoesNotFit) as gcc:
        compile_project(tmp_path / "c", board, build_dir=tmp_path / "build", defines=compiled(board.isa).project.defines)
    assert gcc.value.line() == e.value.line()


def test_what_platformio_says_of_itself():
    board = load_board("stm32f746")
    line = build_failure("...\nUnknownPackageError: Could not find the package with 'x/y' requirements\n", board).line()
    assert "x/y" in line and "stm32" in line
    assert "Unknown board ID 'q'" in build_failure("Error: Unknown board ID 'q'\n", board).line()
    assert (
        "\x1b" not in build_failure("Error: \x1b[31mred\n", board).line() and "red" in build_failure("Error: \x1b[31mred\n", board).line()
    )
    assert stage_of("Compiling .pio/build/x/src/main.o") == "compiling (main.o)" and stage_of("Linking x") == "linking"
    assert stage_of("Tool Manager: Installing platformio/tool-scons @ ~4") == "PlatformIO downloads platformio/tool-scons"
    assert stage_of("Verbose mode can be enabled") is None


# ---------------------------------------------------------------- ends with us


@pytest.fixture
def stuck(core, tmp_path) -> Path:
    """A compiler that never ends; the file that names its process."""
    note = tmp_path / "compiler.pid"
    (gcc,) = (core / "packages" / "toolchain-ststm32" / "bin").glob("*gcc")
    gcc.write_text(f'#!/bin/sh\necho $$ > "{note}.part" && mv "{note}.part" "{note}"\nexec sleep 600\n')
    return note


def is_gone(note: Path, limit_s: float = 10.0) -> bool:
    pid, end = int(note.read_text()), time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_build_that_hangs_is_ended_with_its_compilers(stuck, tmp_path):
    board = load_board("stm32f746")
    write_files(tmp_path / "p", project(board))
    with pytest.raises(Timeout) as e:
        run_platformio(tmp_path / "p", [], lambda text: None, 4.0)
    assert e.value.exit_code == 9 and is_gone(stuck)


def test_ctrl_c_ends_the_compilers(stuck, tmp_path):
    words = [sys.executable, "-m", "tinyml", "build", "--board", "stm32f746", DIGITS, "-o", tmp_path / "out", "--toolchain", "pio"]
    p = subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while not stuck.exists() and time.monotonic() < end:
            time.sleep(0.05)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=20)
    finally:
        p.kill()
    assert p.returncode == 130 and err.splitlines()[-1] == "tinyml: interrupted" and is_gone(stuck)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- around it


def test_doctor_tells_which_platforms_are_there(core, capsys):
    (core / "platforms" / "sifive").rename(core / "gone")
    main(["doctor", "--json"])
    out = json.loads(capsys.readouterr().out)
    found = {c["name"]: c for c in out["checks"]}
    assert found["platformio"]["ok"] and not found["platformio"]["optional"]
    assert found["PlatformIO ch32v"]["ok"] == is_served(load_board("ch32v307"))
    gone = found["PlatformIO sifive"]
    assert not gone["ok"] and gone["optional"] and "hifive1" in gone["what"] and "pio pkg install" in gone["fix"]
    assert out["ok"] == all(c["ok"] for c in out["checks"] if not c["optional"])


def test_a_framework_board_is_planned_without_its_compiler(core, capsys):
    arduino, *_ = (b.name for b in BOARDS if b.framework)
    assert main(["plan", "--board", arduino, str(DIGITS), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["flash"]["code"] is None and plan["ram"]["arena"] > 0


def test_settings_keep_platformio_quiet():
    assert SETTINGS["PLATFORMIO_SETTING_ENABLE_TELEMETRY"] == "no" and "PLATFORMIO_DISABLE_UPGRADE_CHECK" in SETTINGS
