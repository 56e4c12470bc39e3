"""Memory chips beside the microcontroller: what a port tells their controllers, on a model of the board."""

from __future__ import annotations

from functools import partial

import pytest

from conftest import needs
from socs import Pin
from socs_memories import QSPI_PINS, SDRAM_PINS, Disco
from test_clocks import WAIT_LIMIT, compiled, info_of, load  # noqa: F401
from tinyml.board import load_board

BOARD = load_board("stm32f746")
chip = partial(Disco, 25_000_000, 0x40011000, tx=Pin("A", 9, 7), rx=Pin("B", 7, 7))
BANKS = {b.name: b for b in BOARD.banks}


def start(load, soc: Disco):  # noqa: F811
    lib = load(BOARD, soc.read, soc.write)
    lib.tm_port_init()
    lib.tm_port_bank_sdram()
    lib.tm_port_bank_qspi()
    return info_of(lib)


@needs("g++")
@pytest.mark.parametrize("slow", [False, True], ids=["full clock", "fall-back"])
def test_serial_flash_and_sdram_start_within_every_limit(load, slow):  # noqa: F811
    soc = chip(dead=frozenset({"pll"} if slow else ()))
    info = start(load, soc)
    assert (info.clock_hz == BOARD.f_cpu_hz) == (not slow)
    assert soc.faults == [] and soc.qspi_faults() == [] and soc.sdram_faults() == []
    assert soc.commands == [0x66, 0x99, 0x05, 0xEB], "reset, wait until it is ready, read"
    assert soc.pin_faults({**QSPI_PINS, **SDRAM_PINS}) == [] == soc.console_faults()


@needs("g++")
def test_what_kind_of_memory_it_is(load):  # noqa: F811
    """Normal memory where there is some; nothing at all where a read ahead could reach an address that nobody answers."""
    soc = chip()
    start(load, soc)
    qspi, sdram = BANKS["qspi"], BANKS["sdram"]
    for at in (qspi.origin, qspi.origin + qspi.size - 1):
        assert soc.attributes(at) == (6, 0b010, 1), "read only, write-through, no code"
    assert soc.attributes(qspi.origin + qspi.size) == soc.attributes(0x9FFFFFFF) == (0, 0, 1)
    for at in (sdram.origin, sdram.origin + sdram.size - 1):
        assert soc.attributes(at) == (3, 0b111, 1), "data, write-back"
    assert soc.attributes(sdram.origin + sdram.size) is None and soc.attributes(0x20000000) is None and soc.attributes(0xA0001000) is None


@needs("g++")
@pytest.mark.parametrize("dead", ["qspi", "sdram"])
def test_a_chip_that_does_not_answer_costs_bounded_waits(load, dead):  # noqa: F811
    soc = chip(dead=frozenset({dead}))
    info = start(load, soc)
    assert info.clock_hz == BOARD.f_cpu_hz and soc.console_faults() == [] and soc.reads < 12 * WAIT_LIMIT


@needs("g++")
def test_a_boot_loader_may_have_left_the_flash_mapped(load):  # noqa: F811
    soc = chip(regs={0x40023838: 2, 0xA0001000: 1, 0xA0001014: 3 << 26 | 0xEB})
    start(load, soc)
    assert soc.faults == [] and soc.qspi_faults() == []
