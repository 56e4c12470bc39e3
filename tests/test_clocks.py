"""Every port, run on this computer against a register file: the only witness of clocks, pins and baud rates that needs no board.

The generic checks hold for every board of the catalogue. The table CHIPS adds the chips whose clock tree is modelled (socs*.py).
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from functools import partial

import pytest

import reference_boards
from conftest import REPO, needs
from socs import Pin, Soc, Stm32F4, Stm32F7, Stm32F411, Stm32F446
from socs_l4_h7 import Stm32H7, Stm32L4
from socs_riscv import Ch32v307, Fe310, Gd32vf103
from tinyml.board import Board, list_boards, load_board

FALLBACK, ICACHE, DCACHE = 1, 2, 4
WAIT_LIMIT = 1000
BOARDS = [b for b in map(load_board, list_boards()) if not b.is_host]
PORTS = [b for b in BOARDS if b.framework is None]
IDLE = 0xF003E019  # CCSIDR, whose fields a port counts up to

# What is on the boards, by their manuals: crystal or clock, the console's USART and pins.
USART1, USART2, USART3 = 0x40011000, 0x40004400, 0x40004800
PA2_3 = {"tx": Pin("A", 2, 7), "rx": Pin("A", 3, 7)}
PA9_10 = {"tx": Pin("A", 9, 7), "rx": Pin("A", 10, 7)}
PD8_9 = {"tx": Pin("D", 8, 7), "rx": Pin("D", 9, 7)}
CHIPS: dict[str, Callable[..., Soc]] = {
    "stm32f405": partial(Stm32F4, 0, USART1, **PA9_10),
    "disco_f407vg": partial(Stm32F4, 8_000_000, USART2, **PA2_3),
    "nucleo_f446re": partial(Stm32F446, 8_000_000, USART2, **PA2_3, bypass=True),
    "blackpill_f411": partial(Stm32F411, 25_000_000, USART1, **PA9_10),
    "stm32f746": partial(Stm32F7, 25_000_000, USART1, tx=Pin("A", 9, 7), rx=Pin("B", 7, 7)),
    "nucleo_f746zg": partial(Stm32F7, 8_000_000, USART3, **PD8_9, bypass=True),
    "stm32h743": partial(Stm32H7, 8_000_000, USART3, **PD8_9, bypass=True),
    "nucleo_l476rg": partial(Stm32L4, 0, USART2, **PA2_3),
    "longan_nano": partial(Gd32vf103, 8_000_000, 0x40013800, **PA9_10),
    "ch32v307": partial(Ch32v307, 8_000_000, 0x40013800, **PA9_10),
    "hifive1": partial(Fe310, 16_000_000, 0x10013000, tx=Pin("A", 17), rx=Pin("A", 16)),
}
MODELLED = [b for b in PORTS if b.name in CHIPS]
DEAD = ("hsi", "hse", "pll", "regulator", "overdrive", "flash", "switch")

READER, WRITER = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32), ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)


class Info(ctypes.Structure):
    _fields_ = [
        ("board", ctypes.c_char_p), ("clock_hz", ctypes.c_uint32), ("count_hz", ctypes.c_uint32), ("count_kind", ctypes.c_uint8),
        ("count_bits", ctypes.c_uint8), ("flags", ctypes.c_uint32), ("stack_low", ctypes.c_void_p), ("stack_high", ctypes.c_void_p),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    cache = {}

    def compile_port(board: Board, source: str):
        if (board.name, source) not in cache:
            out = tmp_path_factory.mktemp("port") / "port.so"
            words = [
                "g++",
                "-x",
                "c++",
                "-std=c++20",
                "-O1",
                "-fPIC",
                "-shared",
                "-include",
                str(REPO / "tests" / "c" / "fake_registers.h"),
            ]
            words += [
                f'-DTM_BOARD_NAME="{board.name}"',
                "-DTM_BAUD=115200u",
                f"-DWAIT_LIMIT={WAIT_LIMIT}u",
                f"-I{REPO / 'runtime_c' / 'include'}",
            ]
            subprocess.run([*words, str(REPO / "boards" / source), "-o", str(out)], check=True, timeout=120)
            cache[board.name, source] = out
        return cache[board.name, source]

    return compile_port


@pytest.fixture
def load(compiled, tmp_path):
    """load(board, read, write) -> the port with fresh static data, its registers those functions."""

    def go(board: Board, read, write, source: str = ""):
        path = tmp_path / f"port{len(list(tmp_path.iterdir()))}.so"
        shutil.copy(compiled(board, source or port_source(board)), path)  # another file: its own static data
        lib = ctypes.CDLL(str(path))
        lib.callbacks = READER(read), WRITER(write)
        for name, f in zip(("fake_read", "fake_write"), lib.callbacks, strict=True):
            ctypes.c_void_p.in_dll(lib, name).value = ctypes.cast(f, ctypes.c_void_p).value
        lib.tm_port_count.restype = ctypes.c_uint64
        return lib

    return go


def port_source(board: Board) -> str:
    return next(p for p in board.firmware.port if p.endswith("/port.c"))


def info_of(lib) -> Info:
    info = Info()
    lib.tm_port_get_info(ctypes.byref(info))
    return info


def started(load, board, soc: Soc) -> Info:
    lib = load(board, soc.read, soc.write)
    lib.tm_port_init()
    return info_of(lib)


@needs("g++")
@pytest.mark.parametrize("board", MODELLED, ids=lambda b: b.name)
def test_the_core_reaches_its_rated_clock_within_every_limit_of_the_manual(load, board):
    soc = CHIPS[board.name]()
    info = started(load, board, soc)
    assert soc.faults == []
    assert soc.clock() == info.clock_hz == board.f_cpu_hz
    assert not info.flags & FALLBACK
    assert bool(info.flags & ICACHE and info.flags & DCACHE) == (board.core == "cortex-m7")
    assert abs(soc.bit_rate() / board.console.baud - 1) < 0.02
    assert soc.console_faults() == []
    assert info.count_hz == info.clock_hz and info.count_kind == 2


@needs("g++")
@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("board", MODELLED, ids=lambda b: b.name)
def test_whatever_stays_dead_the_port_falls_back_and_says_so(load, board, dead):
    soc = CHIPS[board.name](dead=frozenset({dead}))
    info = started(load, board, soc)
    assert soc.faults == []
    assert soc.clock() == info.clock_hz  # what is told is what runs, whichever it is
    assert bool(info.flags & FALLBACK) == (info.clock_hz != board.f_cpu_hz)
    assert abs(soc.bit_rate() / board.console.baud - 1) < 0.02
    assert soc.console_faults() == []
    assert soc.reads < 4 * WAIT_LIMIT


@needs("g++")
@pytest.mark.parametrize("board", MODELLED, ids=lambda b: b.name)
def test_a_dead_pll_is_never_the_rated_clock(load, board):
    info = started(load, board, CHIPS[board.name](dead=frozenset({"pll"})))
    assert info.flags & FALLBACK and 0 < info.clock_hz < board.f_cpu_hz


LEFT_BY_A_LOADER = {  # class -> registers of a boot loader that jumps to the image: PLL running, buses divided
    Stm32F4: {0x40023800: 1 << 24 | 0x83, 0x40023804: 2 << 28 | 4 << 24 | 1 << 16 | 192 << 6 | 16, 0x40023808: 2 | 5 << 10, 0x40023C00: 1},
    Gd32vf103: {0x40021000: 1 << 24 | 1 << 16 | 0x83, 0x40021004: 2 | 1 << 16 | 4 << 18 | 4 << 8},
    Stm32L4: {0x40021000: 1 << 24 | 1 << 8 | 0xB1, 0x4002100C: 1 << 24 | 10 << 8 | 1 << 4 | 2, 0x40021008: 3 | 4 << 8, 0x40022000: 4},
}


@needs("g++")
@pytest.mark.parametrize("board", MODELLED, ids=lambda b: b.name)
def test_a_boot_loader_may_have_left_another_clock(load, board):
    kind = CHIPS[board.name].func
    regs = next((v for k, v in LEFT_BY_A_LOADER.items() if issubclass(kind, k)), {})
    soc = CHIPS[board.name](regs=regs)
    info = started(load, board, soc)
    assert soc.faults == []
    assert soc.clock() == info.clock_hz == board.f_cpu_hz and abs(soc.bit_rate() / board.console.baud - 1) < 0.02


SOURCES = sorted(
    {(b.name, p) for b in BOARDS for p in (*b.firmware.port, *(b.emulator.port if b.emulator else ())) if p.endswith("/port.c")}
)


@needs("g++")
@pytest.mark.parametrize("word", [0, 0xFFFFFFFF], ids=["zeros", "ones"])
@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_no_port_hangs_on_a_chip_that_never_answers(load, name, source, word):
    reads = 0

    def read(address: int) -> int:
        nonlocal reads
        reads += 1
        return IDLE if address == 0xE000ED80 else word

    lib = load(load_board(name), read, lambda a, v: None, source)
    lib.tm_port_init()
    for bank in load_board(name).banks:
        if hasattr(lib, f"tm_port_bank_{bank.name}"):
            getattr(lib, f"tm_port_bank_{bank.name}")()
    assert reads < 12 * WAIT_LIMIT
    reads = 0
    lib.tm_port_write(bytes(200), 200)
    assert reads <= WAIT_LIMIT + 400
    lib.tm_port_count()
    info = info_of(lib)
    assert info.board == name.encode() and info.count_kind in (1, 2, 3) and info.count_bits in (32, 64)


@needs("g++")
@pytest.mark.parametrize(
    "board", [b for b in MODELLED if isinstance(CHIPS[b.name](), Stm32F4 | Stm32H7 | Stm32L4 | Gd32vf103)], ids=lambda b: b.name
)
def test_bytes_arrive_behind_an_overrun(load, board):
    """The flag of a lost byte must be cleared, or the receiver stays deaf."""
    soc = CHIPS[board.name]()
    second = isinstance(soc, Stm32H7 | Stm32L4 | Stm32F7)
    status, data = (soc.usart + 0x1C, soc.usart + 0x24) if second else (soc.usart, soc.usart + 4)
    line = [b"a", None, b"b"]  # None: an overrun
    polls = 0

    def read(address: int) -> int:
        nonlocal polls
        if address == status:
            polls += 1
            if polls > 1000:
                return 0xA0  # deaf: the test ends with wrong bytes instead of never
            return 0x80 | (0 if not line else 8 if line[0] is None else 0x20)
        if address == data:
            byte = line.pop(0) if line and (line[0] is not None or not second) else None
            return byte[0] if byte else 0xFF  # the first generation clears an overrun by this read
        return soc.read(address)

    def write(address: int, value: int) -> None:
        if second and address == soc.usart + 0x20 and value & 8 and line and line[0] is None:
            line.pop(0)
        soc.write(address, value)

    lib = load(board, read, write)
    lib.tm_port_init()
    got, buffer = b"", ctypes.create_string_buffer(2)
    while len(got) < 2:
        n = lib.tm_port_read(buffer, 2)
        got += buffer.raw[:n]
    assert got == b"ab"


@needs("g++")
@pytest.mark.parametrize("board", [b for b in MODELLED if isinstance(CHIPS[b.name](), Stm32F4)], ids=lambda b: b.name)
def test_without_a_cycle_counter_a_timer_counts_at_its_real_rate(load, board):
    soc = CHIPS[board.name](dead=frozenset({"dwt"}))
    info = started(load, board, soc)
    apb1 = soc.buses()[0]
    assert info.count_kind == 3 and info.count_hz == (apb1 if apb1 == soc.clock() else 2 * apb1)
    assert soc.get(0x40000000) & 1 and soc.get(0x4000002C) == 0xFFFFFFFF


def test_every_promised_board_is_modelled():
    assert set(reference_boards.BOARDS) <= {b.name for b in MODELLED} | {b.name for b in BOARDS if b.framework}
