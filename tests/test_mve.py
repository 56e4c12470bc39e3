"""The Helium kernels on the emulated Cortex-M55: every rounding densely, no warnings, instructions of whole networks.

tests/test_isa_variants.py compares whole layers with the operators' reference. The recorded counts are exact, so any change beyond
one per cent is one in the code: slower is a regression, faster a record that is out of date.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from case_build import WARNINGS
from conftest import REPO, needs

sys.path.insert(0, str(REPO / "benchmarks"))
import speed  # noqa: E402

CPU = ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")
RUNTIME = REPO / "runtime_c"
SOURCES = sorted(RUNTIME.glob("src/*_mve.c"))
RECORD = json.loads((Path(__file__).parent / "data" / "instructions_mve.json").read_text())
MOST = {"ic_resnet8_int8": 0.25, "kws_dscnn_int8": 0.5}  # instructions per multiply-accumulate that the project asks of itself
TOLERANCE = 0.01
SCRIPT = """
SECTIONS {
  .text 0x0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .data 0x21000000 : { *(.data*) *(.bss*) *(COMMON) }
}
"""


@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_every_rounding_equals_the_portable_arithmetic(tmp_path: Path) -> None:
    (tmp_path / "link.ld").write_text(SCRIPT)
    names = ("conv_2d_i8_mve", "depthwise_conv_2d_i8_mve", "add_i8_mve", "mul_i8_mve", "add_i8", "mul_i8")
    kernels = [str(RUNTIME / "src" / f"{name}.c") for name in names]
    image = tmp_path / "rounding.elf"
    program = [str(REPO / "tests" / "c" / "mve_rounding.c"), *kernels]
    subprocess.run(
        ["arm-none-eabi-gcc", *CPU, "-Os", "-Wall", "-Werror", f"-I{RUNTIME / 'include'}", "-nostartfiles", "-T", str(tmp_path / "link.ld"),
         *program, "-o", str(image)],
        check=True, timeout=120,
    )  # fmt: skip
    machine = ["qemu-system-arm", "-M", "mps3-an547", "-display", "none", "-serial", "none", "-monitor", "none", "-semihosting"]
    done = subprocess.run([*machine, "-kernel", str(image)], timeout=120, check=False)
    assert done.returncode == 0, f"check {done.returncode} of mve_rounding.c failed"


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.stem)
def test_a_kernel_compiles_without_warnings(source: Path, tmp_path: Path) -> None:
    language = (["gcc", *WARNINGS], ["g++", "-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Werror"])
    for compiler, *flags in language:
        words = [
            f"arm-none-eabi-{compiler}",
            *CPU,
            *flags,
            "-Os",
            f"-I{RUNTIME / 'include'}",
            "-c",
            str(source),
            "-o",
            str(tmp_path / "x.o"),
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr[:2000]


@needs("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("model", sorted(RECORD))
def test_instructions_of_a_network(model: str, shared_model: Callable[[str], Path]) -> None:
    report = speed.bench(shared_model(model), "corstone300")
    assert not isinstance(report, str), report
    assert report["counter"] == "instructions"
    recorded, count = RECORD[model], report["instructions"]
    assert abs(count - recorded) <= TOLERANCE * recorded, f"{count:,} instructions, {recorded:,} are recorded"
    if model in MOST:
        assert count <= MOST[model] * report["macs"]


@needs("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("model", sorted(MOST))
def test_a_network_on_the_emulated_core_equals_the_reference(model: str, shared_model: Callable[[str], Path]) -> None:
    command = [sys.executable, "-m", "tinyml", "verify", str(shared_model(model)), "--board", "corstone300", "--on", "emulator"]
    done = subprocess.run([*command, "--samples", "2", "--json"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert json.loads(done.stdout)["mismatches"] == 0
