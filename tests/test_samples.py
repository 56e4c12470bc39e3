"""Samples from files: dtypes, shapes, quantisation of float values, and one-line errors."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import REPO
from tinyml.errors import UsageError
from tinyml.importers import import_model
from tinyml.samples import load_samples, random_samples

MODEL = REPO / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def graph():
    return import_model(MODEL.read_bytes(), MODEL.name)


def test_float_values_are_quantised_like_the_models_own(graph, tmp_path):
    t = graph.tensors[graph.inputs[0]]
    x = np.zeros((1, 8, 8, 1), np.float32)
    # just below one half must not round up, halves go away from zero, the ends saturate
    steps = np.array([np.nextafter(np.float32(0.5), np.float32(0)), 1.5, 2.5, 1e9, -1e9], np.float32)
    x.reshape(-1)[:5] = steps * np.float32(t.scale)
    np.save(tmp_path / "x.npy", x)
    q = load_samples(tmp_path / "x.npy", graph, convert_float=True).inputs[0][0].reshape(-1)[:5]
    exact = x.reshape(-1)[:5] / np.float32(t.scale)
    expected = [int(np.clip(np.sign(v) * np.floor(abs(float(v)) + 0.5) + t.zero_point, -128, 127)) for v in exact]
    assert q.tolist() == expected and q.dtype == np.int8


def test_pixels_are_taken_minus_128(graph, tmp_path):
    np.savez(tmp_path / "x.npz", images=np.arange(128, dtype=np.uint8).reshape(2, 8, 8, 1), labels=[3, 4])
    s = load_samples(tmp_path / "x.npz", graph)
    assert len(s.inputs) == 2 and s.inputs[0][0].reshape(-1)[:3].tolist() == [-128, -127, -126] and s.labels.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"inputs": np.zeros((2, 7, 8, 1), np.int8)}, "no array holds samples"),
        ({"inputs": np.zeros((2, 8, 8, 1), np.float32)}, "--float"),
        ({"inputs": np.zeros((0, 8, 8, 1), np.int8)}, "no samples"),
        ({"inputs": np.zeros((2, 8, 8, 1), np.int8), "labels": np.zeros(3)}, "labels"),
        ({"inputs": np.zeros((2, 8, 8, 1), np.int64)}, "int64"),
    ],
)
def test_unfit_files_are_refused_in_one_line(graph, tmp_path, arrays, words):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UsageError) as e:
        load_samples(tmp_path / "x.npz", graph)
    assert words in e.value.line() and "\n" not in e.value.line()


def test_nan_is_refused(graph, tmp_path):
    np.save(tmp_path / "x.npy", np.full((1, 8, 8, 1), np.nan, np.float32))
    with pytest.raises(UsageError, match="NaN"):
        load_samples(tmp_path / "x.npy", graph, convert_float=True)


def test_random_samples_are_repeatable_and_reach_both_ends(graph):
    a, b = (np.concatenate([s[0].reshape(-1) for s in random_samples(graph, 40, 5).inputs]) for _ in range(2))
    assert (a == b).all() and a.min() == -128 and a.max() == 127
