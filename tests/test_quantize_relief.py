"""16-bit activations and islands of float32: whole networks on int16, and operators that int8 is too coarse for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from test_quantize import FloatNet, residual, samples
from tinyml.cli import main
from tinyml.exporters.tflite import write_tflite
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.costs import costs_of
from tinyml.quantize.kinds import Kinds, cheapest_kinds
from tinyml.quantize.network import load_network
from tinyml.quantize.quantise import Widths, prepare, quantise
from tinyml.quantize.relief import losses
from tinyml.quantize.search import Budget
from witness import litert_run

SHAPE = (1, 6, 6, 4)
SPREAD = np.array([3e3, 30.0, 0.3, 3e-3], np.float32)


def spread_out(twice: bool = False) -> bytes:
    """A convolution whose channels differ by a factor of a million in size, and one that weighs them alike: neither its inputs nor its
    weights have an int8 form. A plain one in front and behind. twice: two of the latter read those channels, which therefore can not be
    scaled (tests/test_equalise.py)."""
    net = FloatNet(3)
    x = net.act(SHAPE, None)
    y = net.conv(x, 4, k=3, act=1)
    rng = np.random.default_rng(4)

    def pointwise(x: int, weights: np.ndarray) -> int:
        options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
        ins = [x, net.const(weights.reshape(4, 1, 1, 4).astype(np.float32)), net.const(np.zeros(4, np.float32))]
        return net.op("CONV_2D", ins, [net.act(SHAPE, None)], options)[0]

    mixed = rng.normal(0, 1, (4, 4)) * SPREAD[:, None]
    wide = pointwise(y, mixed)
    weights = [rng.normal(0, 1, (4, 4)) / SPREAD[None] for _ in range(2 if twice else 1)]
    alike = [pointwise(wide, w) for w in weights]
    return net.build([x], [net.conv(net.elementwise("ADD", *alike) if twice else alike[0], 5, k=3)])


def calibration(seed: int = 5) -> Calibration:
    return Calibration((samples(SHAPE, 48, seed),), None)


def error(model: bytes, quantised: bytes, x: np.ndarray) -> float:
    """Of LiteRT's outputs on both files, over the variance."""
    graph = import_model(quantised, "q")
    x_t, y_t = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    info, exact, got = np.iinfo(x_t.dtype.numpy), [], []
    for one in x:
        exact.append(litert_run(model, [one])[0])
        q = np.clip(np.rint(one / np.float32(x_t.scale)) + x_t.zero_point, info.min, info.max).astype(x_t.dtype.numpy)
        got.append((litert_run(quantised, [q])[0].astype(np.float64) - y_t.zero_point) * y_t.scale)
    return float(np.square(np.array(got) - np.array(exact)).mean() / np.var(exact))


def made(model: bytes, data: Calibration, **wanted: object) -> bytes:
    _, network = quantise(load_network(model, "m"), data, **wanted)
    return write_tflite(network.graph, network.options)


def test_int16_is_far_finer_than_int8_and_litert_runs_it() -> None:
    model = residual()
    shape = import_model(model, "m").io_input(0).shape
    data = Calibration((samples(shape),), None)
    x = samples(shape, 8, 9)
    eight, sixteen = made(model, data), made(model, data, dtype="int16")
    graph = import_model(sixteen, "q")
    kinds = {t.dtype for t in graph.tensors.values() if not t.is_const}
    assert kinds == {DType.INT16}, "no float32 islands, no int8"
    assert error(model, sixteen, x) < 0.2 * error(model, eight, x)


def upward(n: FloatNet, x: int, channels: int) -> int:
    """A TRANSPOSE_CONV to twice the size."""
    _, h, w, c = n._shape(x)
    weights = n.const(n.rng.normal(0, (4 * c) ** -0.5, (channels, 2, 2, c)).astype(np.float32))
    y = (1, 2 * h, 2 * w, channels)
    ins = [n.const(np.array(y, np.int32)), weights, x, n.vector(channels, -0.2, 0.2)]
    return n.op("TRANSPOSE_CONV", ins, [n.act(y, None)], {"Padding": 0, "StrideH": 2, "StrideW": 2})[0]


@pytest.mark.parametrize("resize", ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"))
def test_sigmoids_and_what_enlarges_are_on_int16_too(resize: str) -> None:
    n = FloatNet(8)
    x = n.act((1, 6, 6, 4), None)
    y = n.single("TANH", n.conv(x, 8))
    y = n.op(resize, [y, n.const(np.array([12, 9], np.int32))], [n.act((1, 12, 9, 8), None)], {})[0]
    model = n.build([x], [n.single("LOGISTIC", upward(n, y, 5))])
    data = Calibration((samples((1, 6, 6, 4), 48),), None)
    eight, sixteen = made(model, data), made(model, data, dtype="int16")
    graph = import_model(sixteen, "q")
    assert {t.dtype for t in graph.tensors.values() if not t.is_const} == {DType.INT16}
    x_few = samples((1, 6, 6, 4), 8, 9)
    assert error(model, sixteen, x_few) < 0.2 * error(model, eight, x_few)


def test_kinds_side_by_side_are_converted_where_they_meet() -> None:
    model = residual()
    shape = import_model(model, "m").io_input(0).shape
    data = Calibration((samples(shape),), None)
    p = prepare(load_network(model, "m"), data)
    some = frozenset(sorted(p.quantised)[1::2])
    mixed = made(model, data, widths=Widths(wide=some))
    graph = import_model(mixed, "q")
    ends = {(graph.view(n).x.dtype, graph.view(n).y.dtype) for n in graph.nodes if n.op == "QUANTIZE"}
    assert ends == {(DType.INT8, DType.INT16), (DType.INT16, DType.INT8)}
    assert graph.tensors[graph.inputs[0]].dtype is graph.tensors[graph.outputs[0]].dtype is DType.INT8
    assert error(model, mixed, samples(shape, 8, 9)) < 0.05


def chosen(p, lost, tolerance: float, **room: int) -> Kinds | None:
    return cheapest_kinds(costs_of(p), lost, tolerance, Budget(**room))


def test_float_islands_where_int8_and_int16_are_too_coarse() -> None:
    pytest.importorskip("scipy")
    model, data = spread_out(), calibration()
    p = prepare(load_network(model, "m"), data)
    lost = losses(p, 0)
    assert lost.weights[2, 8] > 0.05, "the crafted layer does lose on 8-bit weights"
    kinds = chosen(p, lost, 0.02)
    assert kinds is not None and 2 in kinds.float32 and not kinds.float32 & {0, 3}
    x = samples(SHAPE, 8, 6)
    int8, relieved = made(model, data), made(model, data, refused=kinds.float32, widths=Widths(wide=kinds.wide))
    assert error(model, int8, x) > 0.1 and error(model, relieved, x) < 0.03
    # 4 bytes per float weight count
    weights = sum(n.inputs[1] is not None and p.graph.tensors[n.inputs[1]].elements for n in p.graph.nodes)
    assert chosen(p, lost, 0.02, weight_bytes=weights) is None
    assert chosen(p, lost, 0.02, weight_bytes=weights + 3 * 32) is not None


def test_nothing_is_relieved_for_nothing() -> None:
    pytest.importorskip("scipy")
    p = prepare(load_network(spread_out(), "m"), calibration())
    kinds = chosen(p, losses(p, 0), 1e9)
    assert kinds is not None and not kinds.wide and not kinds.float32


def test_command(tmp_path, capsys) -> None:
    pytest.importorskip("scipy")
    (tmp_path / "m.tflite").write_bytes(spread_out(twice=True))
    np.savez(tmp_path / "d.npz", inputs=calibration().inputs[0][:, 0])
    out = tmp_path / "q.tflite"
    words = ["quantize", tmp_path / "m.tflite", "--data", tmp_path / "d.npz", "-o", out, "--metric", "error", "--json"]
    assert main([str(w) for w in (*words, "--tolerance", "2%")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["quantised"]["error"] <= 0.02 and "2 CONV_2D" in report["float_islands"]
    capsys.readouterr()
    assert main(["build", "--board", "host", "--no-compile", "-o", str(tmp_path / "b"), str(out)]) == 0
    capsys.readouterr()
    assert main(["verify", "--board", "host", "--samples", "4", str(out)]) == 0
    assert "all equal" in capsys.readouterr().out
    out.unlink()
    assert main([str(w) for w in (*words, "--tolerance", "2%", "--flash", "1")]) == 5 and not out.exists()
    assert main([str(w) for w in (*words, "--tolerance", "2%", "--activations", "int16")]) == 2 and not out.exists()
