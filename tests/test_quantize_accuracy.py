"""`verify --metric top1`, and what quantisation reaches on the real networks (slow)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import REPO
from tinyml.cli import main

DIGITS, DATA = REPO / "examples/digits/digits.tflite", REPO / "examples/digits/digits_test.npz"


def tinyml(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict]:
    capsys.readouterr()
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_metric_counts_what_the_comparison_counts(capsys):
    base = ("verify", DIGITS, "--board", "host", "--data", DATA, "--samples", 60)
    _, compared = tinyml(capsys, *base)
    code, out = tinyml(capsys, *base, "--metric", "top1", "--beside", DIGITS)
    assert code == 0 and out["metric"] == "top1" and len(out["models"]) == 2
    for row in out["models"]:
        assert (row["samples"], row["correct"], row["kind"]) == (60, compared["top1"]["correct"], "int8")
        assert row["top1"] == pytest.approx(100 * row["correct"] / 60, abs=1e-3)


def test_metric_sees_wrong_answers(capsys, tmp_path):
    with np.load(DATA) as d:
        arrays = {k: d[k][:20] for k in d.files}
    arrays["labels"] = (arrays["labels"] + 1) % 10
    np.savez(tmp_path / "wrong.npz", **arrays)
    _, out = tinyml(capsys, "verify", DIGITS, "--board", "host", "--data", tmp_path / "wrong.npz", "--metric", "top1")
    assert out["models"][0]["correct"] <= 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--metric", "top1"), "no labelled data"),
        (("--metric", "top1", "--data", "unlabelled.npz"), "labels"),
        (("--metric", "top1", "--data", "unlabelled.npz", "--on", "emulator"), "this computer"),
        (("--beside", "x.tflite"), "--metric"),
    ],
)
def test_bad_use_of_metric(capsys, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    with np.load(DATA) as d:
        np.savez(tmp_path / "unlabelled.npz", **{k: d[k][:3] for k in d.files if k != "labels"})
    code, out = tinyml(capsys, "verify", DIGITS, "--board", "host", *words)
    assert code == 2 and says in str(out["error"])


# per cent of the 761 images; float: 88.4 and 91.3
@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("ic_resnet8_float", 88.0), ("ic_resnet_large_float", 91.0)])
def test_int8_accuracy(capsys, tmp_path, shared_model, shared_data, name, least):
    out: Path = tmp_path / "q.tflite"
    assert tinyml(capsys, "quantize", shared_model(name), "--data", shared_data("cifar10_train_head"), "-o", out)[0] == 0
    code, result = tinyml(capsys, "verify", out, "--board", "host", "--metric", "top1", "--data", shared_data("cifar10_test_head"))
    assert code == 0 and result["models"][0]["samples"] == 761 and result["models"][0]["top1"] >= least


@pytest.mark.slow
def test_weights_of_half_the_flash(capsys, tmp_path, shared_model, shared_data):
    """ic_resnet_large with at most 55 % of the int8 weights' bytes: 90.0 %."""
    out = tmp_path / "q.tflite"
    words = ("--data", shared_data("cifar10_train_head"), "--flash", "55%", "-o", out)
    code, made = tinyml(capsys, "quantize", shared_model("ic_resnet_large_float"), *words)
    assert code == 0 and made["weights"] <= 0.55 * made["int8"]["weights"]
    _, result = tinyml(capsys, "verify", out, "--board", "host", "--metric", "top1", "--data", shared_data("cifar10_test_head"))
    assert result["models"][0]["samples"] == 761 and result["models"][0]["top1"] >= 90.0


@pytest.mark.slow
def test_half_the_bit_operations(capsys, tmp_path, shared_model, shared_data):
    """ic_resnet8 with at most half of the int8 network's bit operations: 87.0 %."""
    out = tmp_path / "q.tml"
    words = ("--data", shared_data("cifar10_train_head"), "--bitops", "50%", "-o", out)
    code, made = tinyml(capsys, "quantize", shared_model("ic_resnet8_float"), *words)
    assert code == 0 and 2 * made["bitops"] <= made["int8"]["bitops"]
    _, result = tinyml(capsys, "verify", out, "--board", "host", "--metric", "top1", "--data", shared_data("cifar10_test_head"))
    assert result["models"][0]["samples"] == 761 and result["models"][0]["top1"] >= 87.0


@pytest.mark.slow
def test_patches_with_widths_of_their_own(capsys, tmp_path, shared_model, shared_data):
    """ic_resnet_large in patches: bit operations / 2.2 against the same patches at 8 bits, in a smaller arena, within 1.0 point. At 8
    bits patches compute what the int8 network does (test_quantmcu.py)."""
    given = ("quantize", shared_model("ic_resnet_large_float"), "--data", shared_data("cifar10_train_head"))
    eight, patched = tmp_path / "q.tflite", tmp_path / "q.tml"
    assert tinyml(capsys, *given, "-o", eight)[0] == 0
    words = ("--patches", "2x2", "--patch-end", 4, "--flash", "55%", "--bitops", "45%", "--board", "stm32f746")
    code, made = tinyml(capsys, *given, *words, "-o", patched)
    assert code == 0 and 2.2 * made["patches"]["bitops_share"] <= 1 and made["arena"] < made["patches"]["int8_arena"]
    _, result = tinyml(
        capsys, "verify", patched, "--board", "host", "--metric", "top1", "--data", shared_data("cifar10_test_head"), "--beside", eight
    )
    top1 = {m["kind"]: m["top1"] for m in result["models"]}
    assert top1["mixed"] >= top1["int8"] - 1.0
