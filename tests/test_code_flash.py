"""What lies in a firmware's flash beside the weights: no more than the bounds, and nothing of what its network does not use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import needs
from tinyml.cli import main
from tinyml.device.image import read_image

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"


def build(model: Path, folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, tuple[int, int]]]:
    """Bytes of code, and the image's symbols."""
    assert main(["build", str(model), "--toolchain", "gcc", "-o", str(folder / "p"), "--json", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    return report["flash"]["code"], read_image(folder / "p" / "firmware.elf").symbols


@needs("arm-none-eabi-gcc")
def test_the_text_commands_are_left_out_for_the_sake_of_flash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, symbols = build(DIGITS, tmp_path / "a", capsys, "--board", "stm32f746")
    small, left = build(DIGITS, tmp_path / "b", capsys, "--board", "stm32f746", "--optimize", "flash")
    assert "tm_text_line" in symbols and "tm_text_line" not in left and whole - small > 2000
    ini = (tmp_path / "b" / "p" / "platformio.ini").read_text()
    assert "-DTM_RUNNER_TEXT=0" in ini, "who builds it with PlatformIO gets the same image"
