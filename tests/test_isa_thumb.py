"""Kernel variants for cores without DSP instructions on the second of their architectures: test_isa_variants.py runs what is compiled
for Armv6-M, and Armv7-M has longer multiplies and inner loops of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import needs
from test_isa_variants import PER_PROGRAM, VARIANTS, run
from tinyml.variants import Variant
from variant_checks import checks

CORTEX_M3 = ("arm-none-eabi-gcc", ("-mcpu=cortex-m3", "-mthumb"), ("qemu-system-arm", "-M", "mps2-an385"))


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.isa == frozenset({"thumb"})], ids=lambda v: v.name)
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_variant_equals_the_reference_on_armv7_m(variant: Variant, tmp_path: Path) -> None:
    todo = checks(variant)
    for k in range(0, len(todo), PER_PROGRAM):
        run(variant.name, CORTEX_M3, todo[k : k + PER_PROGRAM], tmp_path)
