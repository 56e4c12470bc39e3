"""Kernels on values of 4 and 2 bits on emulated cores, portable ones and variants, against the numpy reference: every
combination of widths that is offered."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kernel_checks import _data, _range, _spans, _windowed, live
from kernel_lib import place, random_layout
from packed_checks import expected, found, memory
from packed_layers import COMBINATIONS, Layer, layers
from test_isa_variants import PER_PROGRAM, TARGETS, run
from tinyml.ir import DType
from tinyml.opspec import Geom, KernelCall, Lowering, Window
from tinyml.variants import Variant, load_variants
from variant_checks import Check, _same, _written, block

COUNT = 3  # layers per combination; `make long` takes 200
DSP, RV = frozenset({"dsp"}), frozenset({"rv32im", "rv32imc"})
M4, RV32 = TARGETS[DSP], TARGETS[RV]
M7 = ("arm-none-eabi-gcc", ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"), ("qemu-system-arm", "-M", "mps2-an500"))
CORES = {"m4": (DSP, M4), "m7": (DSP, M7), "rv32": (RV, RV32)}


def _calls(layer: Layer, geoms: dict[int, Geom], isa: frozenset[str]) -> Iterator[KernelCall]:
    """The portable call, and that of every variant that applies."""
    n = layer.node
    (portable,) = layer.spec.lower(n, Lowering(geoms))
    yield portable
    low = Lowering(geoms, isa)
    for v in load_variants().get(n.node.op, ()):
        if (v.wide if n.y.dtype is DType.INT16 else v.packed) and v.isa <= isa and v.applies(n, low):
            (call,) = v.lower(n, low, (portable,))
            assert call.func == f"tm_{v.name}" and v.instructions(n) > 0
            yield call


def checks(layer: Layer, isa: frozenset[str], first: int) -> Iterator[Check]:
    n, values, whole = layer.node, found(layer), expected(layer)
    rng = np.random.default_rng(first)
    geoms = {t.id: random_layout(*t.stored, rng) if layer.spec.strided else Geom.dense(*t.stored) for t in live(n)}
    placed = {f"x{t.id}": place(geoms[t.id], memory(t), rng, values[t.id]) for t in live(n) if t.id != n.y.id}
    where = {t.id: (f"x{t.id}", 0) if t.id != n.y.id else ("y", 0) for t in live(n)}
    number = first
    for call in _calls(layer, geoms, isa):
        arrays = {**{k: _same(p) for k, p in placed.items()}, "y": _written(place(geoms[n.y.id], memory(n.y), rng), whole)}
        yield block(number, f"{layer.name}: {geoms}", call, where, arrays)
        number += 1
    k = _data(n)
    access = None if k is None else layer.spec.access(n)[k]
    for call in _calls(layer, {t.id: Geom.dense(*t.stored) for t in live(n)}, isa):
        if k is None or not isinstance(access, Window) or "pad_top" not in dict(call.params):
            continue
        yield _rectangle(number, layer, call, access, k, whole, rng)
        number += 1


def _rectangle(number: int, layer: Layer, call: KernelCall, access: Window, k: int, whole: np.ndarray, rng: np.random.Generator) -> Check:
    n, src = layer.node, layer.node.inputs[k]
    values = found(layer)[src.id]
    (h, w, c), (hi, wi, ci) = whole.shape, values.shape
    y0, x0 = int(rng.integers(0, h)), int(rng.integers(0, w))
    oh, ow = int(rng.integers(1, h - y0 + 1)), int(rng.integers(1, w - x0 + 1))
    iy, ih = _range(_spans(n, layer.spec, call, 0), y0, oh, hi, rng)
    ix, iw = _range(_spans(n, layer.spec, call, 1), x0, ow, wi, rng)
    x = place(random_layout(ih, iw, ci, rng, ring=True), memory(src), rng, values[iy : iy + ih, ix : ix + iw])
    y = place(random_layout(oh, ow, c, rng, ring=True), memory(n.y), rng)
    part = _windowed(call, access, (y0, x0), (iy, ix), {"in": x.geom, "out": y.geom})
    what = f"{layer.name}: rows {y0}+{oh}, columns {x0}+{ow} from {x.geom} to {y.geom}"
    after = _written(y, whole[y0 : y0 + oh, x0 : x0 + ow])
    return block(number, what, part, {src.id: ("x", 0), n.y.id: ("y", 0)}, {"x": _same(x), "y": after})


def run_all(op: str, core: str, count: int, seed: int, folder: Path) -> Counter[str]:
    """How often each kernel was compared."""
    isa, target = CORES[core]
    if not (shutil.which(target[0]) and shutil.which(target[2][0])):
        pytest.skip(f"no {target[0]} or no {target[2][0]}")
    todo: list[Check] = []
    counts: Counter[str] = Counter()
    for widths in COMBINATIONS[op]:
        for layer in layers(op, widths, count, seed):
            for c in checks(layer, isa, len(todo) + 1):
                todo.append(c)
                counts[c.call.func] += 1
            if len(todo) >= PER_PROGRAM:
                run(f"{op} on {core}", target, todo, folder)
                todo = []
    if todo:
        run(f"{op} on {core}", target, todo, folder)
    return counts


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("op", COMBINATIONS)
def test_cores(op: str, core: str, tmp_path: Path) -> None:
    counts = run_all(op, core, COUNT, 1, tmp_path)
    variants = [v for v in load_variants().get(op, ()) if v.packed and v.isa <= CORES[core][0]]
    assert all(counts[f"tm_{v.name}"] >= 3 for v in variants), counts


@pytest.mark.long
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("op", COMBINATIONS)
def test_cores_200_layers_each(op: str, core: str, tmp_path: Path) -> None:
    run_all(op, core, 200, 2, tmp_path)


def test_variants_of_packed_operands_name_kernels_that_exist() -> None:
    root = Path(__file__).resolve().parents[1] / "runtime_c" / "src"
    found_: list[Variant] = [v for vs in load_variants().values() for v in vs if v.packed]
    assert found_ and all((root / f"{v.name}.c").exists() for v in found_)
    assert {v.op for v in found_} <= COMBINATIONS.keys()
