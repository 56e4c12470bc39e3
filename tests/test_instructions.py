"""Instructions per inference of whole networks on emulated cores: exact, so any change beyond one per cent is one in the code.

The recorded counts are written by `python benchmarks/speed.py --write`. Slower fails as a regression, faster as a record that
is out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPO, needs

sys.path.insert(0, str(REPO / "benchmarks"))
import speed  # noqa: E402

RECORD = json.loads((Path(__file__).parent / "data" / "instructions.json").read_text())
CASES = [(board, model) for board, counts in sorted(RECORD.items()) for model in sorted(counts)]
ARM = needs("arm-none-eabi-gcc", "qemu-system-arm")
RISCV = needs("riscv64-unknown-elf-gcc", "qemu-system-riscv32")
TOLERANCE = 0.01
SLOW = {"mcunetv2_large"}


def _marks(board: str, model: str) -> list[pytest.MarkDecorator]:
    return [RISCV if board == "riscv32" else ARM, *([pytest.mark.slow] if model in SLOW else [])]


@pytest.mark.parametrize(("board", "model"), [pytest.param(b, m, marks=_marks(b, m)) for b, m in CASES])
def test_instructions_of_a_network(board: str, model: str, shared_model: Callable[[str], Path]) -> None:
    report = speed.bench(shared_model(model), board)
    assert not isinstance(report, str), report
    assert report["counter"] == "instructions"
    recorded, count = RECORD[board][model], report["instructions"]
    assert abs(count - recorded) <= TOLERANCE * recorded, f"{count:,} instructions, {recorded:,} are recorded"


def test_every_network_has_a_record_on_every_core() -> None:
    assert set(speed.BOARDS) <= RECORD.keys()
    for board in ("stm32f746", "riscv32"):
        assert {"ad01_int8", "ic_resnet8_int8", "kws_dscnn_int8", "str_ww_int8"} <= RECORD[board].keys()


@pytest.mark.parametrize(("board", "model"), CASES)
def test_recorded_counts_are_below_the_peers(board: str, model: str) -> None:
    assert RECORD[board][model] < 0.6e6 * speed.GOALS[board][model].tflm
