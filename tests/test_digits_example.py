"""The committed example is what its README says: real test images, quantised as the network takes them, and accurate."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import REPO

FOLDER = REPO / "examples" / "digits"


@pytest.fixture(scope="module")
def test_set() -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / "digits_test.npz") as data:
        return data["inputs"], data["labels"]


def test_images_are_those_of_scikit_learn(test_set: tuple[np.ndarray, np.ndarray]) -> None:
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    known = {image.astype(np.uint8).tobytes(): label for image, label in zip(digits.images, digits.target, strict=True)}
    images, labels = test_set
    grey = np.round((images[..., 0].astype(np.float32) + 128) / 255 * 16).astype(np.uint8)
    assert [known.get(image.tobytes()) for image in grey] == labels.tolist()
    assert len({image.tobytes() for image in grey}) == len(grey)


def test_accuracy_with_the_reference_kernels(test_set: tuple[np.ndarray, np.ndarray]) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    resolver = litert.OpResolverType.BUILTIN_REF
    interpreter = litert.Interpreter(str(FOLDER / "digits.tflite"), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    images, labels = test_set
    answers = []
    for image in images:
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        answers.append(int(interpreter.get_tensor(target["index"]).argmax()))
    assert int((np.array(answers) == labels).sum()) == 357
    assert (FOLDER / "digits.tflite").stat().st_size < 100_000
