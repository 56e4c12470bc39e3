"""Every runtime source compiles without a warning, with the full set of warnings, on host, Arm and RISC-V."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from case_build import WARNINGS
from conftest import REPO, needs

TARGETS = {
    "host": ["gcc"],
    "cortex-m7": ["arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"],
    "cortex-m0": ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"],
    "rv32imc": ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-specs=picolibc.specs"],
}
RUNTIME = REPO / "runtime_c"


def sources() -> list[Path]:
    return sorted([*RUNTIME.glob("src/*.c"), *RUNTIME.glob("runner/*.c")])


@pytest.mark.parametrize("target", [pytest.param(t, marks=needs(words[0])) for t, words in TARGETS.items()])
def test_runtime_compiles_without_warnings(target: str, tmp_path: Path) -> None:
    assert len(sources()) > 30
    includes = [f"-I{RUNTIME / 'include'}", f"-I{RUNTIME / 'runner'}"]
    for source in sources():
        words = [*TARGETS[target], *WARNINGS, "-Os", "-ffreestanding", *includes, "-c", str(source), "-o", str(tmp_path / "x.o")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{source.name}: {done.stderr[:2000]}"
