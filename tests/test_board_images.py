"""The image of every board, as the linker made it: vector table or reset code, handlers, sizes, and addresses that the chip has."""

from __future__ import annotations

import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

import reference_boards
from conftest import REPO, needs
from tinyml.board import list_boards, load_board
from tinyml.device.build import compile_project
from tinyml.device.linker import image_banks

TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"
BOARDS = [load_board(name) for name in list_boards()]
IMAGES = [
    pytest.param(b, stand_in, marks=needs(b.toolchain.cc), id=f"{b.name}-{'stand-in' if stand_in else 'own'}")
    for b in BOARDS
    if not b.is_host
    for stand_in in (False, True)
    if (b.stand_in if stand_in else b.framework is None)
]
COMPILED_AS = {"cortex-m85": "cortex-m55"}  # gcc 12 does not know the newer one, which has the same instructions
EXCEPTIONS = {
    2: "NMI",
    3: "HardFault",
    4: "MemManage",
    5: "BusFault",
    6: "UsageFault",
    11: "SVCall",
    12: "DebugMonitor",
    14: "PendSV",
    15: "SysTick",
}


class Elf:
    """An image's bytes by address, its symbols and its loadable segments."""

    def __init__(self, path):
        with open(path, "rb") as f:
            elf = ELFFile(f)
            self.entry = elf["e_entry"]
            self.segments = [
                (s["p_vaddr"], s["p_paddr"], s["p_memsz"], s["p_filesz"]) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"
            ]
            self.stored = [(s["sh_addr"], s.data()) for s in elf.iter_sections() if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS"]
            self.symbols = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols() if s.name}
        self.path = path

    def words(self, address: int, n: int) -> list[int]:
        data = next(d[address - a :] for a, d in self.stored if a <= address < a + len(d))
        return [int.from_bytes(data[4 * k : 4 * k + 4], "little") for k in range(n)]

    def text(self, board) -> str:
        tool = board.toolchain.prefix + "objdump"
        return subprocess.run([tool, "-d", str(self.path)], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    cache = {}

    def build(board, stand_in) -> Elf:
        if (board.name, stand_in) not in cache:
            folder = tmp_path_factory.mktemp(board.name)
            cache[board.name, stand_in] = Elf(compile_project([TINY], board, "emulator" if stand_in else "device", build_dir=folder).elf)
        return cache[board.name, stand_in]

    return build


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
def test_a_board_file_is_complete(board):
    assert board.title and (board.is_host or board.docs)
    assert all(re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", i) for i in board.console.usb_ids)
    assert len(set(board.console.usb_ids)) == len(board.console.usb_ids)
    for p in (*board.firmware.port, *(board.emulator.port if board.emulator else ())):
        assert (REPO / "boards" / p).is_file(), p
    if board.platformio:
        assert board.platformio.upload_protocol in board.platformio.upload_protocols
        assert board.cpu.f_hz > 0 and board.console.baud > 0
    if board.core.startswith("cortex-m"):
        assert f"-mcpu={COMPILED_AS.get(board.core, board.core)}" in board.toolchain.flags and "-mthumb" in board.toolchain.flags
        assert ("fpu" in board.isa) == any(f.startswith("-mfpu") for f in board.toolchain.flags)
    ends = sorted((k.origin, k.origin + k.size) for k in board.banks)
    assert board.is_host or all(a[1] <= b[0] for a, b in zip(ends, ends[1:], strict=False))  # banks do not overlap


@pytest.mark.parametrize("name", reference_boards.BOARDS)
def test_a_promised_board_is_what_platformio_says(name):
    board, want = load_board(name), reference_boards.BOARDS[name]
    assert board.platformio is not None
    platform = re.sub(r".*/(platform-)?", "", board.platformio.platform).removesuffix(".git").split("@")[0]
    assert (board.platformio.board, platform) == (want.pio_board, want.pio_platform)
    assert board.f_cpu_hz == want.f_hz
    outside = 0x6000_0000 if board.core.startswith("cortex-m") else 1 << 32  # where a Cortex-M has memory chips
    assert sum(k.size for k in board.banks if k.kind == "ram" and k.origin < outside) == want.ram and board.flash_bytes == want.flash
    assert board.platformio.upload_protocol == want.uploads[0] and set(want.uploads) <= set(board.platformio.upload_protocols)


@pytest.mark.parametrize(("board", "stand_in"), IMAGES)
def test_every_exception_has_a_handler_in_the_flash(image, board, stand_in):
    elf, banks = image(board, stand_in), image_banks(board, stand_in)
    flash, ram = (next(b for b in banks if b.kind == kind) for kind in ("flash", "ram"))
    if not board.core.startswith("cortex-m"):
        trap = elf.symbols["trap"]
        assert elf.entry == flash.origin and trap % 64 == 0 and flash.origin < trap < flash.origin + flash.size
        assert "mtvec" in elf.text(board)
        assert elf.symbols["__stack_top"] % 16 == 0
        return
    table = elf.words(flash.origin, 16)
    assert elf.symbols["tm_vectors"] == flash.origin and flash.origin % 128 == 0  # what VTOR can hold
    assert ram.origin < table[0] <= ram.origin + ram.size and table[0] % 8 == 0
    for k, name in {1: "Reset", **EXCEPTIONS}.items():
        assert table[k] & 1 and flash.origin < table[k] < flash.origin + flash.size, name
    assert elf.entry == table[1]


@pytest.mark.parametrize(("board", "stand_in"), IMAGES)
def test_nothing_lies_outside_the_chip(image, board, stand_in):
    elf, banks = image(board, stand_in), image_banks(board, stand_in)

    def inside(address, size, kind=None):
        return any(b.origin <= address and address + size <= b.origin + b.size for b in banks if kind in (None, b.kind))

    for virtual, physical, memory, stored in elf.segments:
        assert inside(virtual, memory) and (not stored or inside(physical, stored, "flash"))
    for name in ("__stack_bottom", "__data_start", "__bss_start", "__bss_end"):
        assert inside(elf.symbols[name], 0, "ram"), name
    assert inside(elf.symbols["__data_load"], 0, "flash")
    assert sum(stored for *_, stored in elf.segments) < 16_500  # bytes of flash of an image with next to no network


@pytest.mark.parametrize(("board", "stand_in"), IMAGES)
def test_an_image_uses_no_instruction_that_the_core_lacks(image, board, stand_in):
    text = image(board, stand_in).text(board)
    if board.core.startswith("cortex-m"):
        assert re.search(r"\bblx?\b", text) and not re.search(r"<unknown>|\bundefined\b.*instruction", text)
        assert "fpu" in board.isa or not re.search(r"\tv(ldr|str|mov|push|pop)", text)
    else:
        assert "rv32imac" in board.isa or not re.search(r"\t(amo\w+|lr\.w|sc\.w)", text)
        assert not re.search(r"\t(flw|fsw|fadd\.s)\b", text)


@pytest.mark.parametrize("board", [b for b in BOARDS if b.emulator and not b.stand_in], ids=lambda b: b.name)
def test_who_runs_its_own_image_has_no_other(board):
    assert not board.emulator.port and not board.emulator.origins
