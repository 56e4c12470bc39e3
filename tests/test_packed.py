"""Kernels on values of 4 and 2 bits against the numpy reference: every combination of widths that is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_lib import build_library, run_checks
from packed_layers import COMBINATIONS

COUNT = "20"  # layers per combination; `make slow` takes 200


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("op", COMBINATIONS)
def test_host(op: str, library: Path) -> None:
    done = run_checks(library, op, COUNT, "0", script="packed_checks.py")
    assert done["whole"] == int(COUNT) * len(COMBINATIONS[op])
    assert done["rectangles"] > 0 or op in ("FULLY_CONNECTED", "ADD", "SUB", "MEAN", "QUANTIZE", "DEQUANTIZE")
    assert done["in_place"] > 0 or op not in ("ADD", "SUB")


@pytest.mark.slow
@pytest.mark.parametrize("op", COMBINATIONS)
def test_host_200_layers_each(op: str, library: Path) -> None:
    run_checks(library, op, "200", "1", script="packed_checks.py")
