"""int16 activations with int8 weights on random layers: references against LiteRT, kernels against references, on this computer and on
emulated cores; what is refused. The operators' own cases are compared wherever int8's are (test_ops_cases.py, test_kernels.py)."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kernel_lib import build_library, run_checks
from test_isa_variants import PER_PROGRAM, run
from test_packed_cores import CORES, checks
from tflite_writer import random_inputs, write_case
from tinyml.errors import Unsupported
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.opspec import load_ops
from tinyml.variants import load_variants
from variant_checks import Check
from wide_layers import OPERATORS, cases, layers
from witness import litert_run

COUNT, ON_CORES = 20, 4  # layers per operator; `make slow` takes 200 on this computer, `make long` on the cores


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("kernels"))


def compare_with_litert(op: str, count: int, seed: int) -> None:
    spec = load_ops()[op]
    for number, (case, data) in enumerate(cases(op, count, seed)):
        graph = import_model(data, case.name)
        n, fed = graph.view(graph.nodes[0]), random_inputs(case, number)
        assert n.y.dtype is DType.INT16
        by_id = dict(zip(graph.inputs, fed, strict=True))
        (y,) = spec.reference(n, tuple(None if t is None else by_id.get(t.id, t.data) for t in n.inputs))
        np.testing.assert_array_equal(y, litert_run(data, fed)[0], err_msg=f"{op} {number}")


@pytest.mark.parametrize("op", OPERATORS)
def test_litert(op: str) -> None:
    compare_with_litert(op, COUNT, 0)


@pytest.mark.slow
@pytest.mark.parametrize("op", OPERATORS)
def test_litert_200_layers_each(op: str) -> None:
    compare_with_litert(op, 200, 1)


@pytest.mark.parametrize("op", OPERATORS)
def test_host(op: str, library: Path) -> None:
    done = run_checks(library, op, str(COUNT), "0", script="wide_checks.py")
    assert done["whole"] == COUNT
    assert done["rectangles"] > 0 or "CONV" not in op and "POOL" not in op
    assert done["in_place"] > 0 or op not in ("ADD", "SUB", "MUL")


@pytest.mark.slow
@pytest.mark.parametrize("op", OPERATORS)
def test_host_200_layers_each(op: str, library: Path) -> None:
    assert run_checks(library, op, "200", "1", script="wide_checks.py")["whole"] == 200


def run_on(core: str, op: str, count: int, seed: int, folder: Path) -> Counter[str]:
    """How often each kernel was compared."""
    isa, target = CORES[core]
    if not (shutil.which(target[0]) and shutil.which(target[2][0])):
        pytest.skip(f"no {target[0]} or no {target[2][0]}")
    todo: list[Check] = []
    for layer in layers(op, count, seed):
        todo += checks(layer, isa, len(todo) + 1)
    for k in range(0, len(todo), PER_PROGRAM):
        run(f"{op} on {core}", target, todo[k : k + PER_PROGRAM], folder)
    return Counter(c.call.func for c in todo)


@pytest.mark.parametrize("core", ("m4", "rv32"))
@pytest.mark.parametrize("op", OPERATORS)
def test_cores(op: str, core: str, tmp_path: Path) -> None:
    counts = run_on(core, op, ON_CORES, 1, tmp_path)
    variants = [v for v in load_variants().get(op, ()) if v.wide and v.isa <= CORES[core][0]]
    assert counts[f"tm_{op.lower()}_i16"] >= ON_CORES or op == "SUB"
    assert all(counts[f"tm_{v.name}"] >= ON_CORES for v in variants), counts


@pytest.mark.long
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("op", OPERATORS)
def test_cores_200_layers_each(op: str, core: str, tmp_path: Path) -> None:
    run_on(core, op, 200, 2, tmp_path)


def _case(op: str):
    return next(cases(op, 1, 0))[0]


def _refusal(op: str, case) -> str:
    with pytest.raises(Unsupported) as found:
        import_model(write_case(load_ops()[op], case), "m")
    return str(found.value)


def test_what_is_refused_says_why() -> None:
    conv, add = _case("CONV_2D"), _case("ADD")
    x, w, b = conv.inputs
    four = replace(w, dtype=DType.INT4, data=np.clip(w.data, -7, 7))
    assert "int4 weights with int16 activations" in _refusal("CONV_2D", replace(conv, inputs=(x, four, b)))
    short = replace(b, dtype=DType.INT32, data=b.data.astype(np.int32))
    assert "int32 bias with int16 activations" in _refusal("CONV_2D", replace(conv, inputs=(x, w, short)))
    assert "no bias" in _refusal("CONV_2D", replace(conv, inputs=(x, w)))
    assert "zero point of 5" in _refusal("CONV_2D", replace(conv, inputs=(replace(x, zero_point=5), w, b)))
    assert "int8 together with int16" in _refusal("CONV_2D", replace(conv, outputs=(replace(conv.outputs[0], dtype=DType.INT8),)))
    mixed = replace(add, inputs=(add.inputs[0], replace(add.inputs[1], dtype=DType.INT8)))
    assert "int8 together with int16" in _refusal("ADD", mixed)
    powers = [replace(t, scale=2.0**-9) for t in (*add.inputs, *add.outputs)]
    assert "powers of two" in _refusal("ADD", replace(add, inputs=tuple(powers[:2]), outputs=(powers[2],)))
