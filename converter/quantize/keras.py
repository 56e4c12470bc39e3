"""Keras models (.keras files, SavedModel folders) -> float32 .tflite, by TensorFlow's own converter, where that is installed."""

from __future__ import annotations

import os
from pathlib import Path

from tinyml.errors import InvalidModel, UsageError, printable


def is_keras(path: Path) -> bool:
    return path.suffix == ".keras" or (path / "saved_model.pb").is_file()


def float_tflite(path: Path) -> bytes:
    """The network as a .tflite file for one sample at a time. Raises UsageError without TensorFlow, InvalidModel where it fails.

    A .keras file is loaded in Keras' safe mode: code that it carries is not run."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError:
        raise UsageError(
            str(path), "is a Keras model, and TensorFlow is not installed", "run: pip install 'tinyml[train]', or give a .tflite file"
        ) from None
    try:
        if path.is_dir():
            converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        else:
            model = tf.keras.models.load_model(path, compile=False, safe_mode=True)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
        return bytes(converter.convert())
    except Exception as e:  # whatever TensorFlow raises for a damaged or foreign file
        raise InvalidModel(
            printable(path), f"TensorFlow can not convert it ({type(e).__name__}: {printable(e, 200)})", "check the model"
        ) from e
