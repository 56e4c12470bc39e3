"""The kernels' layout contracts on every operator's cases: rectangles of the output with strided and ring-buffered rows
("windows"), strided whole tensors, outputs completed around parts written in place ("rest"), outputs that trail their inputs.
The checks are in kernel_checks.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_lib import build_library, run_checks
from tinyml.opspec import model_ops

# families that a check must have found, so that none passes by comparing nothing; it takes others as it finds them
MUST = {
    "windows": {
        "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE_CONV",
    },  # fmt: skip
    "rest": {"CONCATENATION", "PAD", "PADV2"},
    "trailing": {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "PAD", "SLICE", "RELU"},
}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("op", model_ops())
def test_kernels_keep_their_layout_contracts(library: Path, op: str) -> None:
    counts = run_checks(library, op)
    assert counts["strided"] > 0
    assert all(counts[check] > 0 for check, ops in MUST.items() if op in ops), counts


def test_the_families_exist() -> None:
    assert set().union(*MUST.values()) <= model_ops().keys()
