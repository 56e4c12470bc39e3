"""What several test modules share: the real models beside the checkout, and tools that may not be installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


def have_tool(name: str) -> bool:
    """Whether the command `name` is on the PATH."""
    return shutil.which(name) is not None


def needs(*names: str) -> pytest.MarkDecorator:
    """A mark that skips a test where one of these commands is missing, e.g. @needs("arm-none-eabi-gcc").

    With TINYML_STRICT=1 nothing is skipped, so that the test fails for want of its tool instead of passing unseen.
    """
    missing = [name for name in names if not have_tool(name)]
    strict = os.environ.get("TINYML_STRICT") == "1"
    return pytest.mark.skipif(bool(missing) and not strict, reason=f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real models and data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def shared_model(shared_dir: Path) -> Callable[[str], Path]:
    """shared_model("ad01_int8") is the path of that .tflite file."""

    def find(name: str) -> Path:
        path = shared_dir / "models" / f"{name}.tflite"
        if not path.is_file():
            pytest.skip(f"no {path.name} in ../shared/models")
        return path

    return find


@pytest.fixture(scope="session")
def shared_data(shared_dir: Path) -> Callable[[str], Path]:
    """shared_data("kws01_test") is the path of that .npz file."""

    def find(name: str) -> Path:
        path = shared_dir / "data" / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"no {path.name} in ../shared/data")
        return path

    return find
