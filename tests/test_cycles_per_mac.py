"""Estimated Cortex-M4 cycles per multiply-accumulate of whole networks: exact counts times a table, so that no tolerance is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPO, needs

sys.path.insert(0, str(REPO / "benchmarks"))
import speed  # noqa: E402


@needs("arm-none-eabi-gcc", "qemu-system-arm", "cc")
@pytest.mark.parametrize("model", sorted(speed.CYCLES))
def test_a_network_takes_no_more_cycles_than_it_must(model: str, shared_model: Callable[[str], Path]) -> None:
    report = speed.bench(shared_model(model), speed.ESTIMATED)
    assert not isinstance(report, str), report
    millions, published, must = speed.CYCLES[model]
    assert report["estimate"]["core"] == "cortex-m4" and report["cycles_estimate"] > report["instructions"]
    assert report["cycles_estimate"] <= must * millions * 1e6, f"{report['cycles_estimate'] / millions / 1e6:.3f} cycles per MAC"
    assert must < published
