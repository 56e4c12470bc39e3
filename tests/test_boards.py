"""Board files are parsed strictly, and the image linked for each board lies where the board's memory is."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import REPO, needs
from tinyml.board import FILE, Board, list_boards, load_board, read_board
from tinyml.device.build import BuildResult, compile_project
from tinyml.device.linker import image_banks, linker_script
from tinyml.device.tools import find_tools, install_command, missing_tools
from tinyml.errors import BuildError, DoesNotFit, UsageError

TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"
STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wmissing-prototypes -Werror -fsyntax-only".split()
BOARDS = [load_board(name) for name in list_boards()]
COMPILED = [b for b in BOARDS if b.framework is None]  # the others are built by their framework
IMAGES = [(b, t) for b in BOARDS if not b.is_host for t in ("device", "emulator") if (b.framework is None if t == "device" else b.stand_in)]


def with_tools(boards_and_more, key=lambda x: x):
    return [
        pytest.param(
            x,
            marks=needs(key(x).toolchain.cc),
            id="-".join(map(str, (getattr(y, "name", y) for y in (x if isinstance(x, tuple) else (x,))))),
        )
        for x in boards_and_more
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    cache: dict[tuple[str, str], BuildResult] = {}

    def build(board: Board, target: str) -> BuildResult:
        key = (board.name, target)
        if key not in cache:
            cache[key] = compile_project([TINY], board, target, build_dir=tmp_path_factory.mktemp("_".join(key)))
        return cache[key]

    return build


def test_the_catalogue():
    assert list_boards()[0] == "host"
    sizes = {b.name: (b.ram_bytes, b.flash_bytes, b.f_cpu_hz) for b in BOARDS}
    assert sizes["stm32f746"] == (327_680, 1_048_576, 216_000_000)
    assert sizes["stm32f405"] == (131_072, 1_048_576, 168_000_000)
    assert sizes["stm32h743"] == (524_288, 2_097_152, 400_000_000)
    assert sizes["hifive1"][0] == 16_384


@pytest.mark.parametrize("name", ["../boards/host", "_cortex_m", "", ".", "stm32f746/../host", "no such\x1b[31m"])
def test_a_name_is_never_a_path(name):
    with pytest.raises(UsageError) as e:
        load_board(name)
    assert "\x1b" not in e.value.line() and "host" in e.value.line()


GOOD = (REPO / "boards" / "stm32f746" / FILE).read_text()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("f_hz = 216_000_000", "f_hz = 216_000_000\nturbo = 1", "cpu.turbo"),
        ('title = "STM32F746G-DISCO"', 'title = "x"\nname = "y"', "name"),
        ('core = "cortex-m7"', "core = 7", "cpu.core"),
        ("stack_bytes = 4096", "", "firmware.stack_bytes"),
        ("stack_bytes = 4096", "stack_bytes = true", "firmware.stack_bytes"),
        ("stack_bytes = 4096", "stack_bytes = 4090", "firmware.stack_bytes"),
        ("payload_bytes = 2048", "payload_bytes = 100", "firmware.payload_bytes"),
        ('kind = "flash"', 'kind = "rom"', "flash"),
        ('name = "ram"', 'name = "flash"', "memory"),
        ('name = "ram"', 'name = "a b"', "memory.name"),
        ("size = 327_680", "size = 0", "memory.ram"),
        ("ticks_per_instruction = [32, 5]", "ticks_per_instruction = [32]", "emulator.ticks_per_instruction"),
        ("ticks_per_instruction = [32, 5]", "ticks_per_instruction = [32, 0]", "emulator.ticks_per_instruction"),
        (" ram = 0x6000_0000,", " sram = 0x6000_0000,", "sram"),
        ("sizes = { qspi", "sizes = { qspy", "emulator.sizes"),
        ("qspi = 4_194_304", "qspi = 16_777_217", "emulator.sizes.qspi"),
        ("cycles = 24", "cycles = 0", "memory.qspi.cycles"),
        ("[cpu]", "[cpu", "TOML"),
    ],
)
def test_a_faulty_file_is_one_line_that_names_file_and_key(tmp_path, old, new, key):
    assert old in GOOD
    path = tmp_path / "mine" / FILE
    path.parent.mkdir()
    path.write_text(GOOD)
    assert read_board(path).title == "STM32F746G-DISCO"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UsageError) as e:
        read_board(path)
    line = e.value.line()
    assert "mine/board.toml" in line and key in line and "\n" not in line


@pytest.mark.parametrize("case", with_tools(IMAGES, lambda x: x[0]))
def test_every_section_lies_in_a_bank_of_its_kind(built, case):
    board, target = case
    image = built(board, target).image
    banks = image_banks(board, target == "emulator" and bool(board.stand_in))
    less = board.emulator.sizes if target == "emulator" and board.emulator else {}
    assert [b.size for b in banks] == [less.get(b.name, b.size) for b in board.banks]
    ram = next(b for b in banks if b.kind == "ram")
    for s in image.sections:
        home = [b for b in banks if b.origin <= s.address and s.address + s.size <= b.origin + b.size]
        assert home, f"{s.name} at {s.address:#x}"
        assert home[0].kind == ("ram" if s.name in (".stack", ".data", ".bss") else "flash"), s.name
    assert image.symbols["__stack_bottom"][0] == ram.origin  # so that an overflow leaves the RAM
    assert image.size(".stack") == board.stack_bytes
    assert image.size(".tm_weights") == 8


@pytest.mark.parametrize("case", with_tools(IMAGES, lambda x: x[0]))
def test_the_processor_finds_its_first_instruction(built, case):
    board, target = case
    result = built(board, target)
    flash = next(b for b in image_banks(board, target == "emulator" and bool(board.stand_in)) if b.kind == "flash")
    symbols = result.image.symbols
    if board.core.startswith("cortex-m"):
        raw = _bytes_at(result.elf, flash.origin, 64)
        words = [int.from_bytes(raw[k : k + 4], "little") for k in range(0, 64, 4)]
        assert words[0] == symbols["__stack_top"][0] and words[1] == symbols["Reset_Handler"][0] | 1
        assert all(w == 0 or w & 1 for w in words[1:]) and words[3] & 1
    else:
        assert result.image.entry == flash.origin == symbols["_start"][0]


def _bytes_at(elf: Path, address: int, n: int) -> bytes:
    from elftools.elf.elffile import ELFFile

    with open(elf, "rb") as f:
        for s in ELFFile(f).iter_sections():
            if s["sh_addr"] <= address and address + n <= s["sh_addr"] + s["sh_size"] and s["sh_type"] == "SHT_PROGBITS":
                return s.data()[address - s["sh_addr"] :][:n]
    raise AssertionError(f"nothing is stored at {address:#x}")


@pytest.mark.parametrize("board", with_tools(COMPILED))
def test_sizes_are_those_of_the_linked_image(built, board):
    r = built(board, "device")
    assert r.weights_bytes == 8 and r.symbol_bytes("arena") == 128
    assert r.code_bytes + r.weights_bytes == r.flash_bytes
    limit = 2 * board.firmware.payload_bytes + 300  # the runner's two frames and its state, beside the arena
    assert r.symbol_bytes("the_runner") <= limit
    if not board.is_host:
        assert r.ram_static <= limit + 128 and 3000 < r.code_bytes < 16_500


@needs("riscv64-unknown-elf-gcc")
def test_the_smallest_board_has_room_for_its_networks(built):
    board = load_board("hifive1")
    r = built(board, "device")
    runner = r.ram_static - r.symbol_bytes("arena")
    assert board.stack_bytes >= 2048
    assert runner + board.stack_bytes + 6656 <= board.ram_bytes  # str_ww


@pytest.mark.parametrize("board", with_tools([b for b in COMPILED if not b.is_host]))
def test_what_does_not_fit_is_told_in_bytes(tmp_path, board):
    small = replace(
        board, memory=tuple(replace(b, size=board.stack_bytes + 256) if b == board.main_bank("ram") else b for b in board.memory)
    )
    with pytest.raises(DoesNotFit) as e:
        compile_project([TINY], small, build_dir=tmp_path)
    assert "bytes" in e.value.line() and board.main_bank("ram").name in e.value.line() and "\n" not in e.value.line()


@needs("cc")
def test_a_compiler_error_is_one_line(tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text("int main(void) { return undeclared_thing; }\n")
    with pytest.raises(BuildError) as e:
        compile_project([bad], load_board("host"), build_dir=tmp_path / "b")
    assert "undeclared_thing" in e.value.line() and "bad.c" in e.value.line() and "\n" not in e.value.line()
    bad.write_text("int missing_thing(void); int main(void) { return missing_thing(); }\n")
    with pytest.raises(BuildError, match="missing_thing"):
        compile_project([bad], load_board("host"), build_dir=tmp_path / "b")


@needs("cc")
def test_a_project_folder_is_compiled_whole_and_left_clean(tmp_path):
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "main.c").write_text(TINY.read_text())
    r = compile_project(project, load_board("host"), build_dir=tmp_path / "b")
    assert r.elf.is_file() and sorted(p.name for p in project.rglob("*")) == ["main.c", "src"]
    with pytest.raises(BuildError, match="no C files"):
        compile_project(tmp_path / "b", load_board("host"), build_dir=tmp_path / "c")


def test_a_missing_compiler_names_its_packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    board = load_board("riscv32")
    assert [t.purpose for t in missing_tools(board)] == ["build", "emulate"]
    assert all(t.path is None for t in find_tools(board))
    command = install_command(missing_tools(board))
    assert command.endswith("apt-get install -y gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc")
    with pytest.raises(BuildError, match="apt-get install -y gcc-riscv64-unknown-elf"):
        compile_project([TINY], board, build_dir=tmp_path)


def test_a_linker_script_enforces_the_boards_sizes_on_a_stand_in():
    text = linker_script(load_board("stm32f746"), stand_in=True)
    assert "flash (rx) : ORIGIN = 0x00000000, LENGTH = 1048576" in text
    assert "ram (rwx) : ORIGIN = 0x60000000, LENGTH = 327680" in text


@pytest.mark.parametrize("board", with_tools(BOARDS))
def test_ports_and_runner_compile_without_a_warning(board):
    sources = {REPO / "boards" / p for p in (*board.firmware.port, *(board.emulator.port if board.emulator else ())) if p.endswith(".c")}
    sources |= set((REPO / "runtime_c" / "runner").glob("*.c"))
    defines = [f'-DTM_BOARD_NAME="{board.name}"', f"-DTM_RUNNER_PAYLOAD={board.firmware.payload_bytes}", "-DTM_BAUD=115200u"]
    words = [board.toolchain.cc, *board.toolchain.flags, *STRICT, "-Os", *defines, f"-I{REPO / 'runtime_c' / 'include'}"]
    for source in sorted(sources):
        done = subprocess.run([*words, str(source)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("board", "old", "new", "key"),
    [
        ("stm32f746", 'linker_script = "link.ld.j2"', "", "firmware.linker_script is missing"),
        ("stm32f746", 'linker_script = "link.ld.j2"', 'form = "process"', "stm32f746"),
        ("stm32f746", "[firmware]", '[firmware]\nform = "picture"', "firmware.form"),
        ("stm32f746", 'board = "disco_f746ng"', 'board = "disco_f746ng"\nframework = "arduino2"', "platformio.framework"),
        ("host", "[firmware]", '[firmware]\nlinker_script = "link.ld.j2"', "firmware.linker_script"),
        ("host", 'form = "process"', "", "firmware.linker_script is missing"),
        ("hifive1", 'board = "hifive1-revb"', 'board = "x"\nframework = "arduino"', "emulator.port"),
    ],
)
def test_who_links_the_image_is_unambiguous(tmp_path, board, old, new, key):
    text = (REPO / "boards" / board / FILE).read_text()
    assert old in text
    path = tmp_path / board / FILE
    path.parent.mkdir()
    path.write_text(text)
    read_board(path)
    path.write_text(text.replace(old, new, 1))
    if key == board:  # a process without a linker script is a host
        assert read_board(path).is_host and not load_board(board).is_host
        return
    with pytest.raises(UsageError, match=key):
        read_board(path)


def test_a_name_fits_into_the_identification(tmp_path):
    path = tmp_path / "a_board_name_too_long" / FILE
    path.parent.mkdir()
    path.write_text(GOOD)
    with pytest.raises(UsageError, match="15 characters"):
        read_board(path)
    assert all(len(name) <= 15 for name in list_boards())
