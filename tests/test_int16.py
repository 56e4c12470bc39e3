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
from tinyml.opspec import Case, CaseTensor, load_ops
from tinyml.variants import load_variants
from variant_checks import Check
from wide_layers import OPERATORS, SHORT, cases, layers
from witness import litert_run

COUNT, ON_CORES = 20, 4  # layers per operator; `make slow` takes 200 on this computer, `make long` on the cores
OTHER_KERNELS = {
    "SUB": "tm_add_i16", "RESIZE_NEAREST_NEIGHBOR": "tm_resize_nearest_neighbor_b2",
    "CONV_2D b32": "tm_conv_2d_i16_b32", "FULLY_CONNECTED b32": "tm_fully_connected_i16",
}  # fmt: skip


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("kernels"))


def compare_with_litert(op: str, count: int, seed: int) -> None:
    spec = load_ops()[SHORT.get(op, op)]
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
    assert done["rectangles"] > 0 or op == "TRANSPOSE_CONV" or ("CONV" not in op and "POOL" not in op)
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
    kernel = OTHER_KERNELS.get(op, f"tm_{op.lower()}_i16")
    assert counts[kernel] >= ON_CORES
    assert all(counts[f"tm_{v.name}"] >= ON_CORES for v in variants), counts


@pytest.mark.long
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("op", OPERATORS)
def test_cores_200_layers_each(op: str, core: str, tmp_path: Path) -> None:
    run_on(core, op, 200, 2, tmp_path)


@pytest.mark.parametrize("op", ("LOGISTIC", "TANH"))
@pytest.mark.parametrize("scale", (1 / 12288, 2.0**-12, 2.0**-11, 0.001, 3.3e-6, 5.3))
def test_every_value_of_a_sigmoid_equals_litert(op: str, scale: float) -> None:
    """At 1/12288 and twice that every entry of the table is met."""
    x = CaseTensor((1, 1, 256, 256), DType.INT16, scale=float(np.nextafter(np.float32(scale), np.float32(9))))
    case = Case(op, {}, (x,), (replace(x, scale=1 / 32768),))
    fed = np.arange(-32768, 32768).astype(np.int16).reshape(x.shape)
    data = write_case(load_ops()[op], case)
    graph = import_model(data, op)
    (y,) = load_ops()[op].reference(graph.view(graph.nodes[0]), (fed,))
    np.testing.assert_array_equal(y, litert_run(data, [fed])[0])


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
    (told,) = (c for c, _ in cases("CONV_2D b32", 1, 0))
    assert "makes LiteRT read as int64" in _refusal("CONV_2D", replace(told, options=conv.options))
    assert "makes LiteRT read as int32" in _refusal("CONV_2D", replace(conv, options=told.options))
    large = np.full((2, 1, 1, 600), 127, np.int8)
    wide = replace(x, shape=(1, 2, 2, 600)), replace(told.inputs[1], shape=large.shape, scale=(0.01, 0.01), data=large)
    bias = replace(told.inputs[2], shape=(2,), scale=(1e-4, 1e-4), data=np.zeros(2, np.int32))
    many = replace(
        told, options={**told.options, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}, inputs=(*wide, bias)
    )
    assert "may leave the int32" in _refusal("CONV_2D", replace(many, outputs=(replace(conv.outputs[0], shape=(1, 2, 2, 2)),)))
    assert "no bias" in _refusal("CONV_2D", replace(conv, inputs=(x, w)))
    assert "zero point of 5" in _refusal("CONV_2D", replace(conv, inputs=(replace(x, zero_point=5), w, b)))
    assert "int8 together with int16" in _refusal("CONV_2D", replace(conv, outputs=(replace(conv.outputs[0], dtype=DType.INT8),)))
    mixed = replace(add, inputs=(add.inputs[0], replace(add.inputs[1], dtype=DType.INT8)))
    assert "int8 together with int16" in _refusal("ADD", mixed)
    sigmoid = _case("LOGISTIC")
    x, y = sigmoid.inputs[0], sigmoid.outputs[0]
    assert "another scale than 1/32768" in _refusal("LOGISTIC", replace(sigmoid, outputs=(replace(y, scale=1 / 256),)))
    assert "input scale is too large" in _refusal("TANH", replace(sigmoid, inputs=(replace(x, scale=6.0),)))
    assert "input scale is too small" in _refusal("TANH", replace(sigmoid, inputs=(replace(x, scale=1e-20),)))
    resize = _case("RESIZE_BILINEAR")
    assert "zero point of 3" in _refusal(
        "RESIZE_BILINEAR", replace(resize, inputs=(replace(resize.inputs[0], zero_point=3), resize.inputs[1]))
    )
    upward = _case("TRANSPOSE_CONV")
    shape, w, x, b = upward.inputs
    short = replace(b, dtype=DType.INT32, data=b.data.astype(np.int32))
    assert "int32 bias with int16 activations" in _refusal("TRANSPOSE_CONV", replace(upward, inputs=(shape, w, x, short)))
    powers = [replace(t, scale=2.0**-9) for t in (*add.inputs, *add.outputs)]
    assert "powers of two" in _refusal("ADD", replace(add, inputs=tuple(powers[:2]), outputs=(powers[2],)))
