"""Train the digits example and write the two files that are committed beside this script.

    pip install -e '.[train]'
    python examples/digits/train.py            # digits.tflite, digits_test.npz: one or two minutes on a CPU

The data are the 1,797 images of handwritten digits that come inside scikit-learn (8x8 pixels, grey values 0..16), so
nothing is downloaded. The network is small on purpose, but has the operators of a real one: a convolution, two
depthwise-separable blocks, max pooling, a global mean, a fully connected layer and a softmax.

TensorFlow is needed here and nowhere else. One seed fixes the split, the initial weights and the order of the batches:
on one machine the script writes the same files every time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 7
EPOCHS = 120
TEST_IMAGES = 360
CALIBRATION_IMAGES = 300
MAX_BYTES = 100_000
MIN_ACCURACY = 0.97


def load_data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images float32 [N,8,8,1] in 0..1 and labels uint8 [N], as train and test parts, stratified by digit."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    labels = digits.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=TEST_IMAGES, random_state=SEED, stratify=labels
    )
    return x_train, y_train, x_test, y_test


def make_model() -> tf.keras.Model:
    """The network: [N,8,8,1] in 0..1 -> probabilities [N,10]."""
    layers = tf.keras.layers

    def norm_relu(x: tf.Tensor) -> tf.Tensor:
        return layers.ReLU()(layers.BatchNormalization()(x))

    def separable(x: tf.Tensor, channels: int) -> tf.Tensor:
        x = norm_relu(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        return norm_relu(layers.Conv2D(channels, 1, use_bias=False)(x))

    inputs = tf.keras.Input((8, 8, 1), name="image")
    x = norm_relu(layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs))
    x = separable(x, 32)
    x = layers.MaxPooling2D(2)(x)
    x = separable(x, 48)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(10, activation="softmax", name="digit")(x)
    return tf.keras.Model(inputs, outputs, name="digits")


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of images [N,8,8,1] in which each is moved by -1, 0 or 1 pixel along both axes, zeros coming in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = rng.integers(0, 3, (2, len(images)))
    moved = [image[r : r + 8, c : c + 8] for image, r, c in zip(padded, rows, columns, strict=True)]
    return np.stack(moved)


def train(model: tf.keras.Model, images: np.ndarray, labels: np.ndarray, epochs: int) -> None:
    """Fit model in place; half of every epoch's images are shifted ones, for 1,437 images alone are few."""
    rng = np.random.default_rng(SEED)
    steps = epochs * (2 * len(images) // 64 + 1)
    schedule = tf.keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(tf.keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for epoch in range(epochs):
        x = np.concatenate([images, shifted(images, rng)])
        y = np.concatenate([labels, labels])
        order = rng.permutation(len(x))
        history = model.fit(x[order], y[order], batch_size=64, shuffle=False, verbose=0).history
        if (epoch + 1) % 20 == 0:
            print(f"epoch {epoch + 1:3}/{epochs}: loss {history['loss'][0]:.4f}", flush=True)


def convert(model: tf.keras.Model, calibration: np.ndarray) -> bytes:
    """The model as a .tflite file, int8 from its input to its output, calibrated on images [N,8,8,1] in 0..1."""
    # A batch of one is what a microcontroller computes; fixing it keeps shape arithmetic out of the converted model.
    image = tf.keras.Input(batch_shape=(1, 8, 8, 1), name="image")
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(image, model(image)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()


def evaluate(flatbuffer: bytes, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Images in 0..1 quantised as the model's input wants them (int8 [N,8,8,1]), and the accuracy on them (0..1).

    The reference kernels are asked for by name: the interpreter's default ones are faster and inexact.
    """
    interpreter = Interpreter(model_content=flatbuffer, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = source["quantization"]
    quantised = np.clip(np.round(images / scale) + zero_point, -128, 127).astype(np.int8)
    correct = 0
    for image, label in zip(quantised, labels, strict=True):
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        correct += int(np.argmax(interpreter.get_tensor(target["index"])) == label)
    return quantised, correct / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description="train the digits example")
    parser.add_argument("-o", "--output", type=Path, default=HERE, help="folder for digits.tflite and digits_test.npz")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()

    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    x_train, y_train, x_test, y_test = load_data()
    model = make_model()
    train(model, x_train, y_train, arguments.epochs)
    _, float_accuracy = model.evaluate(x_test, y_test, verbose=0)
    flatbuffer = convert(model, x_train[:CALIBRATION_IMAGES])
    quantised, accuracy = evaluate(flatbuffer, x_test, y_test)
    print(f"{len(flatbuffer):,} bytes; accuracy on {len(y_test)} test images: float {float_accuracy:.4f}, int8 {accuracy:.4f}")
    if len(flatbuffer) >= MAX_BYTES or accuracy < MIN_ACCURACY:
        raise SystemExit(f"not written: wanted under {MAX_BYTES:,} bytes and an accuracy of {MIN_ACCURACY} or more")

    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "digits.tflite").write_bytes(flatbuffer)
    np.savez_compressed(arguments.output / "digits_test.npz", inputs=quantised, labels=y_test)


if __name__ == "__main__":
    main()
