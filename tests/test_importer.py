"""The importer on the real networks, its options and limits; and a fuzz run in a process with limited memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tflite

from fuzz_importer import MEMORY_LIMIT, TIME_LIMIT
from hostile import conv_net, edited
from tflite_writer import ModelBuilder
from tinyml.errors import InternalError
from tinyml.importers import import_model
from tinyml.importers.flatbuffer import defaults
from tinyml.importers.tflite import TableOptions
from tinyml.ir import DType, Quant
from tinyml.passes.verify import verify

MODELS = sorted((Path(__file__).parent / "../../shared/models").glob("*.tflite"))
needs_models = pytest.mark.skipif(not MODELS, reason="the benchmark models are not beside the checkout")


@needs_models
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_real_models(path: Path) -> None:
    """The graph says what the schema's own accessors say of the file."""
    data = path.read_bytes()
    graph, raw = import_model(data, path.name), tflite.Model.GetRootAs(data).Subgraphs(0)
    assert len(graph.nodes) == raw.OperatorsLength() and [n.index for n in graph.nodes] == list(range(len(graph.nodes)))
    assert graph.inputs == tuple(raw.InputsAsNumpy()) and graph.outputs == tuple(raw.OutputsAsNumpy())
    names = {v: k for k, v in vars(tflite.TensorType).items()}
    for t in graph.tensors.values():
        r = raw.Tensors(t.id)
        assert t.shape == tuple(r.ShapeAsNumpy()) and t.dtype.name == names[r.Type()]
        if t.quant is not None:
            assert t.quant.scale == tuple(r.Quantization().ScaleAsNumpy()) and t.quant.zero_point == tuple(
                r.Quantization().ZeroPointAsNumpy()
            )
        if t.data is not None:
            assert t.data.tobytes() == tflite.Model.GetRootAs(data).Buffers(r.Buffer()).DataAsNumpy().tobytes()
            assert not t.data.flags.writeable and not t.data.flags.owndata


def test_tensor_fields() -> None:
    graph = import_model(edited(lambda m: None), "m.tflite")
    assert graph.tensors[0].quant == Quant((0.5,), (-1,)) and graph.tensors[0].name == "input"
    weights = graph.tensors[1]
    assert weights.quant is not None and weights.quant.scale[0] == float(np.float32(0.1)) and weights.quant.axis == 0
    assert weights.data is not None and weights.data.shape == (4, 3, 3, 3) and weights.dtype is DType.INT8


def test_tensors_that_nothing_uses_are_ignored() -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensor((0, -3), 99, scale=-1.0, name="unused")

    assert 5 not in import_model(edited(edit), "m.tflite").tensors


def test_absent_options_are_the_schema_defaults() -> None:
    o = TableOptions(defaults(tflite.Conv2DOptions))
    assert (o.get("StrideH"), o.get("DilationHFactor"), o.get("Padding")) == (0, 1, 0)
    assert TableOptions(defaults(tflite.ReshapeOptions)).vector("NewShape") is None


def test_same_operator_code_in_the_new_field_only() -> None:
    """Converters before 2.4 fill the 8-bit field only, others may leave it out: the larger value counts."""
    m = conv_net()
    data = bytearray(m.build([0], [4]))
    code = tflite.Model.GetRootAs(data).OperatorCodes(0)
    old, new = (code._tab.Pos + code._tab.Offset(o) for o in (4, 10))
    data[old] = 0
    assert import_model(bytes(data), "m.tflite").nodes[0].op == "CONV_2D"
    data[old], data[new] = 3, 0
    assert import_model(bytes(data), "m.tflite").nodes[0].op == "CONV_2D"


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        (lambda g: g.with_(nodes=g.nodes[::-1]), "operator 1 RELU: reads tensor 3"),
        (lambda g: g.with_(nodes=g.nodes[:1]), "tensor 4: is a graph output that no operator writes"),
        (lambda g: g.with_(nodes=(*g.nodes, g.nodes[1])), "operator 1 RELU: writes tensor 4"),
        (lambda g: g.with_(tensors={k: t for k, t in g.tensors.items() if k != 2}), "tensor 2 does not exist"),
        (
            lambda g: g.with_(tensors={**g.tensors, 3: _changed(g.tensors[3], shape=(1, 6, 6, 5))}),
            "operator 0 CONV_2D: outputs are declared",
        ),
        (lambda g: g.with_(tensors={**g.tensors, 3: _changed(g.tensors[3], quant=None)}), "int8 tensor 3 has no scale"),
        (lambda g: g.with_(tensors={**g.tensors, 3: _changed(g.tensors[3], id=7)}), "says it is 7"),
        (
            lambda g: g.with_(tensors={**g.tensors, 1: _changed(g.tensors[1], shape=(4, 27))}),
            "tensor 1 'weights': data is int8 [4, 3, 3, 3]",
        ),
        (
            lambda g: g.with_(tensors={**g.tensors, 1: _changed(g.tensors[1], quant=Quant((1.0, 2.0), (0, 0)))}),
            "2 scales along dimension 0",
        ),
        (lambda g: g.with_(inputs=(0, 0)), "listed twice"),
    ],
)
def test_verify_names_stage_and_place(breakage, message: str) -> None:
    graph = import_model(conv_net().build([0], [4]), "m.tflite")
    verify(graph, "nothing")
    with pytest.raises(InternalError) as caught:
        verify(breakage(graph), "fuse")
    assert caught.value.line().startswith("fuse: ") and message in caught.value.line()


def _changed(tensor, **changes):
    from dataclasses import replace

    return replace(tensor, **changes)


def _fuzz(count: int, seed: int) -> None:
    script = Path(__file__).parent / "fuzz_importer.py"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, str(script), str(count), str(seed), *map(str, MODELS)], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr[-2000:]
    result = json.loads(run.stdout)
    assert result["failures"] == {} and sum(result["outcomes"].values()) == count
    assert result["max_ms"] < 1e3 * TIME_LIMIT and result["peak_mb"] < MEMORY_LIMIT >> 20
    assert result["mean_ms"] < 100
    # the mutations must reach past the container, and not all of them may be harmless
    assert result["outcomes"]["InvalidModel"] > count / 10
    assert result["outcomes"]["graph"] > count / 100


@needs_models
def test_mutated_models() -> None:
    _fuzz(300, seed=1)


@needs_models
@pytest.mark.slow
def test_ten_thousand_mutated_models() -> None:
    _fuzz(10_000, seed=2)
