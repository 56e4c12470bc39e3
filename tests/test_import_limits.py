"""Well-formed model files that cannot be built, all reasons at once; and files made to cost memory or time."""

from __future__ import annotations

import time
import tracemalloc

import pytest
import tflite

from hostile import conv_net, edited, refusal
from tflite_writer import ModelBuilder
from tinyml.errors import Unsupported
from tinyml.importers import import_model
from tinyml.ir import DType

# ---------------------------------------------------------------- unsupported, all at once


def test_all_unsupported_operators_are_listed() -> None:
    m = conv_net()
    m.operators[1].name, m.operators[1].table = "CUSTOM:Magic", None
    m.tensor((1, 6, 6, 4), DType.FLOAT32, name="x")
    m.tensor((1, 6, 6, 4), tflite.TensorType.FLOAT16, name="half")
    m.tensor((6, 4), DType.FLOAT32, name="last")
    m.op("COS", [4], [5])
    m.op("RELU", [5], [6])
    m.op("UNIQUE", [6], [7])
    with pytest.raises(Unsupported) as caught:
        import_model(m.build([0], [7]), "m.tflite")
    error = caught.value
    assert [(i["index"], i["operator"], i["shape"]) for i in error.items] == [
        (1, "CUSTOM", [1, 6, 6, 4]),
        (2, "COS", [1, 6, 6, 4]),
        (3, "RELU", [1, 6, 6, 4]),
        (4, "UNIQUE", [6, 4]),
    ]
    assert "FLOAT16" in error.items[2]["reason"] and "Magic" in error.items[0]["reason"]
    assert error.exit_code == 4 and error.to_json()["items"] == error.items
    assert all(f"operator {k} " in error.line() for k in (1, 2, 3, 4)) and "\n" not in error.line()


@pytest.mark.parametrize("kind", ["FLOAT16", "STRING", "RESOURCE", "COMPLEX64"])
def test_types_that_are_not_built(kind: str) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].type = getattr(tflite.TensorType, kind)

    line = refusal(edited(edit), Unsupported)
    assert f"operator 0 CONV_2D [1, 6, 6, 4]: tensor 1 'weights': type {kind}" in line


def test_type_number_that_does_not_exist() -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].type = 99

    assert "tensor 1 'weights': type number 99 does not exist" in refusal(edited(edit))


@pytest.mark.parametrize(("attribute", "word"), [("sparse", "sparse"), ("variable", "variable")])
def test_storage_that_is_not_built(attribute: str, word: str) -> None:
    def edit(m: ModelBuilder) -> None:
        setattr(m.tensors[1], attribute, True)

    assert word in refusal(edited(edit), Unsupported)


def test_int8_without_scale_and_activations_per_channel() -> None:
    def no_scale(m: ModelBuilder) -> None:
        m.tensors[3].scales = m.tensors[3].zero_points = ()

    def per_channel(m: ModelBuilder) -> None:
        m.tensors[3].scales, m.tensors[3].zero_points, m.tensors[3].axis = (0.1,) * 4, (0,) * 4, 3

    assert "tensor 3 'mid': int8 without a scale" in refusal(edited(no_scale), Unsupported)
    assert "tensor 3 'mid': activations quantised per channel" in refusal(edited(per_channel), Unsupported)


# ---------------------------------------------------------------- memory and time


def _shared(tensors: int, operators: int) -> bytes:
    """`tensors` weights of 4 MB over one buffer; `operators` layers, each reading one of them."""
    m = ModelBuilder()
    x = m.tensor((1, 1 << 15), scale=0.5)
    weights = [m.tensor((128, 1 << 15), scale=0.5, data=bytes(1 << 22))]
    for _ in range(tensors - 1):
        weights.append(m.tensor((128, 1 << 15), scale=0.5))
        m.tensors[-1].buffer = 1
    outs = [m.op("FULLY_CONNECTED", [x, weights[k % tensors], None], [m.tensor((1, 128), scale=0.5)])[0] for k in range(operators)]
    return m.build([x], outs)


def test_shared_buffer_is_not_copied() -> None:
    tracemalloc.start()
    try:
        graph = import_model(_shared(20, 20), "m.tflite")
        assert len({t.data.ctypes.data for t in graph.tensors.values() if t.data is not None}) == 1
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("tensors", [1, 1000])
def test_constants_that_are_read_over_and_over(tensors: int) -> None:
    """1,000 layers over 4 MB: 4 GB to look at, from a file of 5 MB."""
    started = time.perf_counter()
    assert "operator 32 FULLY_CONNECTED: more than 134217728 bytes of constants" in refusal(_shared(tensors, 1000))
    assert time.perf_counter() - started < 10


def test_scales_are_limited() -> None:
    """Five constants of 32,768 scales each. The scales are read before the output is found to be too small."""
    m = ModelBuilder()
    x = m.tensor((1, 1), scale=0.5)
    n = 1 << 15
    weights = [m.tensor((1, n), scale=(0.5,) * n, axis=1, data=bytes(n)) for _ in range(5)]
    out = m.op("CONCATENATION", [*weights, x], [m.tensor((1, 1), scale=0.5)], {"Axis": 1})
    assert "tensor 5 't5': more than 131072 scales in the model" in refusal(m.build([x], out))


def test_channels_are_limited() -> None:
    m = ModelBuilder()
    x = m.tensor((1, 1), scale=0.5)
    w = m.tensor((1 << 12, 1), scale=0.5, data=bytes(1 << 12))
    outs = [m.op("FULLY_CONNECTED", [x, w, None], [m.tensor((1, 1 << 12), scale=0.5)])[0] for _ in range(20)]
    assert "operator 19 FULLY_CONNECTED: more than 80000 channels" in refusal(m.build([x], outs))
    m.operators.pop()
    assert len(import_model(m.build([x], outs[:-1]), "m.tflite").nodes) == 19


def test_number_of_operators_and_operands() -> None:
    m = conv_net()
    m.operators += [m.operators[1]] * 10_000
    assert "10002 operators" in refusal(m.build([0], [4]))
    m = conv_net()
    m.operators[1].name, m.operators[1].inputs = "CONCATENATION", [3] * 60_000
    assert "operator 1 CONCATENATION: more than 50000 operands" in refusal(m.build([0], [4]))
