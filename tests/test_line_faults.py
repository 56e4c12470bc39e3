"""Inferences over a line that flips, loses, repeats and cuts bytes, to an emulated board that is reset in the middle.

Every answer is right, or there is a clean error; none is wrong and nothing hangs."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import numpy as np
import pytest

from conftest import needs
from link_faults import EmulatedLine
from test_link import TINY, samples
from tinyml.board import load_board
from tinyml.device.build import compile_project
from tinyml.device.session import Session
from tinyml.errors import DeviceError, Timeout

BAD_LINE = {"flip": 0.01, "drop": 0.01, "repeat": 0.1, "cut": 0.02, "reset_after": 12000}
BOARDS = [
    pytest.param("stm32f405", marks=[pytest.mark.emulator, needs("arm-none-eabi-gcc", "qemu-system-arm")]),
    pytest.param("hifive1", marks=[pytest.mark.emulator, needs("riscv64-unknown-elf-gcc", "qemu-system-riscv32")]),
]


@contextmanager
def hard_limit(seconds: int):
    """A hang is a failure, whatever it hangs in."""

    def fail(*_):
        raise AssertionError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def inferences(name: str, folder, n: int, seed: int, **faults) -> tuple[int, int, EmulatedLine]:
    """(right answers, clean errors, the line) of n inferences; asserts that none is wrong."""
    board = load_board(name)
    elf = compile_project([TINY], board, "emulator", build_dir=folder / "build").elf
    right = errors = 0
    with EmulatedLine(board, elf, folder, seed, **faults) as line:
        session = None
        for k in range(n):
            x, want, _ = samples(k)
            try:
                session = session or Session(line.link, invoke_timeout_s=20.0)
                got = session.run(x)
            except (DeviceError, Timeout) as e:
                assert e.exit_code in (7, 9)
                errors, session = errors + 1, None
                continue
            assert all(np.array_equal(g.reshape(w.shape), w) for g, w in zip(got, want, strict=True)), f"inference {k} is wrong"
            right += 1
        return right, errors, line


@pytest.mark.parametrize("name", BOARDS)
def test_thirty_inferences(name, tmp_path):
    with hard_limit(120):
        right, errors, line = inferences(name, tmp_path, 30, 11, **BAD_LINE)
    assert right >= 29 and right + errors == 30
    assert line.spoilt > 100 and line.resets >= 1 and line.link.retries > 30


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_a_thousand_inferences(name, tmp_path):
    with hard_limit(3000):
        right, errors, line = inferences(name, tmp_path, 1000, 12, **BAD_LINE)
    print(f"{name}: {right} right, {errors} clean errors, {line.resets} resets, {line.link.retries} retries, {line.spoilt} spoilt")
    assert right >= 990 and right + errors == 1000 and line.resets >= 50


@pytest.mark.parametrize("name", BOARDS)
def test_a_clean_line_through_the_proxy_needs_no_retries(name, tmp_path):
    with hard_limit(60):
        right, _, line = inferences(name, tmp_path, 10, 1)
    assert right == 10 and line.spoilt == 0 and line.link.retries <= 4  # while the machine starts
