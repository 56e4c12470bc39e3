"""Kernel variants on further cores that run them. test_isa_variants.py takes one core for each instruction set; some kernels are
compiled to other instructions where the core has more: longer multiplies on Armv7-M than on Armv6-M, shifted additions, minimum and
maximum with the RISC-V extensions Zba and Zbb."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from test_isa_variants import PER_PROGRAM, TARGETS, VARIANTS, run
from tinyml.variants import Variant
from variant_checks import checks

RISCV, RISCV_FLAGS, VIRT = TARGETS[frozenset({"rv32im", "rv32imc"})]
# of the variants that need nothing but these: compiler, its flags, emulated machine
FURTHER = {
    "cortex-m3": (frozenset({"thumb"}), ("arm-none-eabi-gcc", ("-mcpu=cortex-m3", "-mthumb"), ("qemu-system-arm", "-M", "mps2-an385"))),
    "zba, zbb": (
        frozenset({"rv32im", "rv32imc"}),
        (RISCV, (*RISCV_FLAGS, "-march=rv32imc_zba_zbb"), (*VIRT, "-cpu", "rv32,zba=true,zbb=true")),
    ),
}
CASES = [(v, core) for core, (isa, _) in FURTHER.items() for v in VARIANTS if v.isa <= isa]


def _marked(v: Variant, core: str) -> object:
    """Kernels for the RISC-V base run in tests/test_isa_variants.py as well: with extensions they are slow tests."""
    return pytest.param(v, core, id=f"{v.name} on {core}", marks=[] if core == "cortex-m3" else [pytest.mark.slow])


@pytest.mark.parametrize(("variant", "core"), [_marked(v, core) for v, core in CASES])
def test_variant_equals_the_reference(variant: Variant, core: str, tmp_path: Path) -> None:
    _, tools = FURTHER[core]
    if not (shutil.which(tools[0]) and shutil.which(tools[2][0])):
        pytest.skip(f"no {tools[0]} or no {tools[2][0]}")
    todo = checks(variant)
    for k in range(0, len(todo), PER_PROGRAM):
        run(variant.name, tools, todo[k : k + PER_PROGRAM], tmp_path)
