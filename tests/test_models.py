"""The real networks, end to end through the command line: generated C against LiteRT's reference kernels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.emulator

INT8 = ["ad01_int8", "ic_resnet8_int8", "kws_dscnn_int8", "str_ww_int8", "vww_96_int8", "mcunet_vww"]
# layer by layer; fused; fused with pushed rows, within 2 % more multiply-accumulates: on a Cortex-M7, scratch included
ARENA = {
    "ad01_int8": (2_048, 2_048, None), "ic_resnet8_int8": (34_656, 16_000, 13_696), "kws_dscnn_int8": (12_016, 5_296, 4_992),
    "str_ww_int8": (5_832, 4_136, 4_136), "vww_96_int8": (38_912, 28_800, 14_352), "mcunet_vww": (78_776, 21_328, 15_280),
}  # fmt: skip


def tinyml(*args: object, code: int = 0, timeout: int = 600) -> dict:
    p = subprocess.run(
        [sys.executable, "-m", "tinyml", *map(str, args), "--json"], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert p.returncode == code, p.stderr[-2000:]
    return json.loads(p.stdout)


def verify(model: Path, board: str, on: str, samples: int, *more: object) -> dict:
    out = tinyml("verify", model, "--board", board, "--on", on, "--samples", samples, *more)
    assert out["on"] == on and out["samples"] == samples and out["elements"] > 0
    assert out["mismatches"] == 0 and out["first_mismatch"] is None
    return out


@pytest.mark.parametrize("name", INT8)
def test_host_random_inputs(shared_model, name: str) -> None:
    verify(shared_model(name), "host", "host", 20)


@pytest.mark.parametrize("name", INT8)
def test_arena_is_no_larger_than_known_possible(shared_model, name: str) -> None:
    for options, most in zip(((), ("--optimize", "ram"), ("--optimize", "ram", "--input-mode", "rows")), ARENA[name], strict=True):
        if most is not None:
            ram = tinyml("plan", shared_model(name), "--board", "stm32f746", "--no-compile", "--max-overhead", "1.02", *options)["ram"]
            assert ram["lower_bound"] <= ram["arena"] <= most, options


def test_intermediate_tensors_of_mcunetv2(shared_model) -> None:
    out = verify(shared_model("mcunetv2_large"), "host", "host", 2, "--layers")
    assert out["tensors"] > 120


def test_float_network(shared_model) -> None:
    out = verify(shared_model("ic_resnet8_float"), "host", "host", 20)
    assert out["max_abs_diff"] < 1e-5


def _labelled(shared_dir: Path, tmp_path: Path, kind: str) -> Path:
    if kind == "ic":
        f = np.load(shared_dir / "data" / "cifar10_test_head.npz")
        inputs, labels = (f["images"].astype(np.int16) - 128).astype(np.int8), f["labels"]
    else:
        f = np.load(shared_dir / "data" / "kws01_test.npz")
        inputs, labels = f["features"], f["labels"]
    np.savez(tmp_path / "data.npz", inputs=inputs, labels=labels)
    return tmp_path / "data.npz"


@pytest.mark.parametrize(("kind", "name", "correct"), [("ic", "ic_resnet8_int8", 672), ("kws", "kws_dscnn_int8", 901)])
def test_accuracy_on_real_data(shared_dir, shared_model, tmp_path: Path, kind: str, name: str, correct: int) -> None:
    data = _labelled(shared_dir, tmp_path, kind)
    out = tinyml("verify", shared_model(name), "--board", "host", "--data", data)
    assert out["mismatches"] == 0
    assert out["top1"]["correct"] == out["top1"]["witness_correct"] == correct
    assert out["top1_agree"] == out["samples"]


EMULATED = [
    *(("stm32f746", m) for m in INT8),
    *(("stm32f405", m) for m in INT8[:5]),
    ("hifive1", "ad01_int8"), ("hifive1", "str_ww_int8"),
    *(("riscv32", m) for m in INT8),
]  # fmt: skip


@pytest.mark.parametrize(("board", "name"), EMULATED)
def test_emulated_quick(shared_model, board: str, name: str) -> None:
    verify(shared_model(name), board, "emulator", 2)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "name"), EMULATED)
def test_emulated_all(shared_model, board: str, name: str) -> None:
    verify(shared_model(name), board, "emulator", 20)


@pytest.mark.slow
def test_mcunetv2_on_riscv(shared_model) -> None:
    verify(shared_model("mcunetv2_large"), "riscv32", "emulator", 2)


# weights in bytes, depthwise and requantisation tables included; code: kernels written for the core and the text commands included
FLASH = {
    "ad01_int8": (290_048, 13_000), "ic_resnet8_int8": (82_842, 24_000), "kws_dscnn_int8": (25_292, 24_000),
    "str_ww_int8": (51_955, 24_000), "vww_96_int8": (56_426, 24_000), "mcunet_vww": (511_010, 34_000),
}  # fmt: skip


@pytest.mark.parametrize("name", INT8)
def test_flash_is_no_larger_than_known_possible(shared_model, name: str) -> None:
    flash = tinyml("plan", shared_model(name), "--board", "stm32f746")["flash"]
    assert 0 < flash["weights"] <= FLASH[name][0]
    assert 0 < flash["code"] <= FLASH[name][1]


@pytest.mark.parametrize(("name", "least"), [("vww_96_int8", 2_000), ("ic_resnet8_int8", 2_000)])
def test_optimising_for_flash_saves_weights(shared_model, name: str, least: int) -> None:
    weights = [
        tinyml("plan", shared_model(name), "--board", "stm32f746", "--no-compile", "--optimize", o)["flash"]["weights"]
        for o in ("balanced", "flash")
    ]
    assert weights[0] - weights[1] >= least


def test_bench_adds_up_and_repeats(shared_model) -> None:
    runs = [
        tinyml("bench", shared_model("kws_dscnn_int8"), "--board", b, "--on", "emulator") for b in ("stm32f405", "stm32f405", "stm32f746")
    ]
    for r in runs:
        assert r["instructions"] == sum(layer["instructions"] for layer in r["layers"]) + r["unattributed"]
        assert 0 <= r["unattributed"] < 0.01 * r["instructions"]
    assert runs[0]["instructions"] == runs[1]["instructions"]
    # the same instruction set on another emulated core, with another counter
    assert abs(runs[2]["instructions"] - runs[0]["instructions"]) < 0.03 * runs[0]["instructions"]


@pytest.mark.emulator
@pytest.mark.parametrize("rows", ["whole", "rows"])
@pytest.mark.parametrize(("board", "name"), [("stm32f405", "kws_dscnn_int8"), ("stm32f746", "mcunet_vww"), ("riscv32", "vww_96_int8")])
def test_the_smallest_plans_compute_the_same(shared_model, board: str, name: str, rows: str) -> None:
    out = tinyml(
        "verify", shared_model(name), "--board", board, "--on", "emulator", "--samples", "3", "--optimize", "ram", "--input-mode", rows
    )
    assert out["samples"] == 3 and out["mismatches"] == 0


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("board", "name", "grid"),
    [pytest.param("stm32f746", "mcunet_vww", "3x3", marks=pytest.mark.slow), ("stm32f405", "ic_resnet8_int8", "2x2"), ("riscv32", "vww_96_int8", "3x2:5")],
)
def test_patches_compute_the_same(shared_model, board: str, name: str, grid: str) -> None:
    options = ("--board", board, "--patches", grid, "--max-overhead", "1.3")
    plan = tinyml("plan", shared_model(name), "--no-compile", *options)
    stage = plan["stages"][0]
    assert stage["mode"] == "patches" and len(stage["operators"]) > 1 and stage["extra_macs"] > 0
    out = tinyml("verify", shared_model(name), "--on", "emulator", "--samples", "3", *options)
    assert out["samples"] == 3 and out["mismatches"] == 0


@pytest.mark.parametrize("name", ["ic_resnet8_int8", "mcunet_vww"])
def test_code_in_patches_stays_compact(shared_model, name: str) -> None:
    plain, patches = (
        tinyml("plan", shared_model(name), "--board", "stm32f746", "--max-overhead", "1.3", *more)["flash"]["code"]
        for more in ((), ("--patches", "3x3"))
    )
    assert plain < patches < 1.2 * plain
