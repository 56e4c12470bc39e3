"""Keras models as input, where TensorFlow is installed; the error where it is not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tinyml.cli import main
from tinyml.errors import InvalidModel
from tinyml.importers import import_model
from tinyml.quantize.batch import evaluate
from tinyml.quantize.keras import float_tflite


def test_without_tensorflow_the_error_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # as if it were not there
    (tmp_path / "m.keras").write_bytes(b"")
    assert main(["quantize", str(tmp_path / "m.keras"), "--data", "d.npz", "-o", str(tmp_path / "q.tflite")]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tinyml: usage")]
    assert len(err) == 1 and "pip install 'tinyml[train]'" in err[0]


def test_keras_and_saved_model_compute_the_same(tmp_path):
    tf = pytest.importorskip("tensorflow")
    layers = tf.keras.layers
    stack = [layers.Input((8, 8, 3)), layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    model = tf.keras.Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")])
    model.save(tmp_path / "m.keras")
    model.export(tmp_path / "saved")
    x = np.random.default_rng(0).normal(0, 1, (1, 8, 8, 3)).astype(np.float32)
    expected = model(x).numpy()
    for name in ("m.keras", "saved"):
        graph = import_model(float_tflite(tmp_path / name), "m")
        assert np.abs(evaluate(graph, [x[None]])[0].reshape(expected.shape) - expected).max() < 1e-5


def test_damaged_keras_file(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "bad.keras").write_bytes(b"x" * 50)
    with pytest.raises(InvalidModel, match="can not convert"):
        float_tflite(tmp_path / "bad.keras")
