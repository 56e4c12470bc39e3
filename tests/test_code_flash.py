"""What lies in a firmware's flash beside the weights: no more than the bounds, and nothing of what its network does not use."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from conftest import REPO, needs
from networks import Net
from tinyml.cli import main
from tinyml.device.image import read_image
from tinyml.emit.flags import BASE, OPTIMIZE
from tinyml.importers import import_model
from tinyml.plan import kernels
from tinyml.plan.kernels import economical
from tinyml.plan.model import Target
from tinyml.plan.planner import make_plan
from tinyml.variants import Variant, load_variants

DIGITS = REPO / "examples" / "digits" / "digits.tflite"


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


CROSS = {
    "mve": ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    "dsp": ("arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    "thumb": ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"),
    "rv32im": ("riscv64-unknown-elf-gcc", "-misa-spec=2.2", "-march=rv32imc", "-mabi=ilp32", "-specs=picolibc.specs"),
    "rv32imc": ("riscv64-unknown-elf-gcc", "-misa-spec=2.2", "-march=rv32imc", "-mabi=ilp32", "-specs=picolibc.specs"),
}
VARIANTS = [v for found in load_variants().values() for v in found if v.code_bytes]


SOURCES = REPO / "runtime_c" / "src"


def compiled(words: tuple[str, ...], name: str, folder: Path, *without: str) -> int:
    """Bytes of a runtime source's code and constants."""
    source, out = SOURCES / f"{name}.c", folder / "k.o"
    flags = [OPTIMIZE, *BASE, *(f"-D{part}=0" for part in without), f"-I{REPO / 'runtime_c' / 'include'}"]
    subprocess.run([*words, *flags, "-c", source, "-o", out], check=True, timeout=60)
    with open(out, "rb") as f:
        sections = [s for s in ELFFile(f).iter_sections() if s["sh_flags"] & SH_FLAGS.SHF_ALLOC]
        return sum(s["sh_size"] for s in sections if not s.name.startswith(".ARM"))


@needs("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_a_variants_code_is_as_large_as_it_says(variant: Variant, tmp_path: Path) -> None:
    words = next(CROSS[isa] for isa in CROSS if isa in variant.isa)
    loops = {part: f"{part.removeprefix('TM_').lower()}_dsp" for part, _ in variant.parts}
    inside = {part: size for part, size in variant.parts if not (SOURCES / f"{loops[part]}.c").exists()}
    # sizes are told of one form, where a file has both
    source = (SOURCES / f"{variant.name}.c").read_text()
    second = {part for part in re.findall(r"#ifndef (TM_\w+_ANY_SIGN)\n", source) if part not in inside}
    size, said = compiled(words, variant.name, tmp_path, *second), variant.code_bytes + sum(inside.values())
    assert 0.75 * said <= size <= 1.25 * said, f"{size} B"
    for part, bytes_ in variant.parts:
        if part in inside:  # what parts share goes with the last of them
            least, most, found = 0.5, 1.5, size - compiled(words, variant.name, tmp_path, *second, part)
        else:
            least, most, found = 0.75, 1.25, compiled(words, loops[part], tmp_path)
        assert least * bytes_ <= found <= most * bytes_, f"{part}: {found} B"


SIZES = (2, 4, 5, 7, 12, 37)


def test_a_kernel_that_saves_less_than_its_code_stays_out() -> None:
    """Layers alike: what one of them alone is not worth, four of them are."""

    def kernels(layers: int, size: int, optimize: str) -> set[str]:
        n = Net()
        x = n.act((1, size, size, 8))
        y = x
        for _ in range(layers):
            y = n.conv(y, 8, 3)
        graph = import_model(n.build([x], [y]), "t")
        plan = make_plan(graph, Target(frozenset({"dsp"}), optimize))
        return {c.func for s in plan.schedule.steps for c in s.calls}

    pairs = "tm_conv_2d_i8_pairs_dsp"
    found = {(layers, size): kernels(layers, size, "balanced") == {pairs} for layers in (1, 4) for size in SIZES}
    assert any(found[4, s] and not found[1, s] for s in SIZES) and found[1, 37]
    assert kernels(1, 2, "latency") != kernels(1, 2, "balanced") and pairs not in kernels(4, 8, "flash")


def test_what_there_is_no_room_for_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What saves least for its bytes goes first, and nothing that costs too much time."""
    n = Net()
    x = n.act((1, 64, 64, 8))
    y = n.depthwise(n.conv(n.conv(x, 16), 16, zero_point=-128))
    graph = import_model(n.build([x], [y]), "t")

    def without(room: int) -> set[str]:
        monkeypatch.setattr(kernels, "ROOM", {"balanced": room} if room else {})
        return set(economical(graph, Target(frozenset({"dsp"}))).without)

    free, tight = without(0), without(13_000)
    assert {"TM_PAIRS_ONE_SIGN", "TM_TRIPLES"} <= tight - free, "any sign's form, and two pixels at a time, serve"
    assert "tm_conv_2d_i8_pairs_dsp" not in tight and without(1) == free, "a room that is none at all is not asked for"
    least = [without(room) for room in range(12_000, 20_000, 1000)]
    assert all(len(a) >= len(b) for a, b in zip(least, least[1:], strict=False)) and least[-1] == free
    monkeypatch.setattr(kernels, "MOST_TIME", 1.0)
    assert without(13_000) <= free | {"tm_separable_conv_2d_i8_dsp"}


@needs("arm-none-eabi-gcc")
def test_parts_of_a_kernel_that_no_layer_needs_are_left_out(
    shared_model: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, symbols = build(shared_model("mcunet_vww"), tmp_path, capsys, "--board", "stm32f746")
    assert "tm_columns5_one_sign" in symbols and "tm_columns5_any_sign" not in symbols
    assert {"tm_triples_one_sign_dsp", "tm_triples_any_sign_dsp"} <= set(symbols), "some layers have one form, some the other"
    assert "tm_widen_one" not in symbols, "only the first layer's windows have padding, and three channels"


MODELS = ("ad01_int8", "ic_resnet8_int8", "kws_dscnn_int8", "mcunet_vww", "str_ww_int8", "vww_96_int8")


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("model", "optimize", "bound", "board"),
    [
        *((m, "balanced", 24_000, "stm32f746") for m in MODELS),
        ("ic_resnet8_int8", "flash", 12_000, "stm32f746"),
        pytest.param("mcunetv2_large", "balanced", 24_000, "stm32h743", marks=pytest.mark.slow),
    ],
)
def test_code_flash_of_the_networks(
    model: str,
    optimize: str,
    bound: int,
    board: str,
    shared_model: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _ = build(shared_model(model), tmp_path, capsys, "--board", board, "--optimize", optimize)
    assert code <= bound
