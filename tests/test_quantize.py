"""Post-training quantisation of tiny float networks: the file that comes out, the errors, and what each method is for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from networks import Net
from tinyml.cli import main
from tinyml.exporters.tflite import write_tflite
from tinyml.importers import import_model
from tinyml.importers.tflite_options import read_options
from tinyml.ir import DType
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.fold import fold
from tinyml.quantize.network import load_network
from tinyml.quantize.quantise import choose, prepare, quantise
from witness import litert_run

CLASSES = 4


class FloatNet(Net):
    """Layers with random weights; every method returns its output's tensor id."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def conv(self, x, channels, k=3, stride=1, act=0, bias=True):
        _, h, w, c = self._shape(x)
        weights = self.const(self.rng.normal(0, (k * k * c) ** -0.5, (channels, k, k, c)).astype(np.float32))
        size = [-(-e // stride) for e in (h, w)]
        options = {
            "Padding": 0,
            "StrideH": stride,
            "StrideW": stride,
            "DilationHFactor": 1,
            "DilationWFactor": 1,
            "FusedActivationFunction": act,
        }
        ins = [x, weights, self.const(self.rng.normal(0, 0.3, channels).astype(np.float32))] if bias else [x, weights]
        return self.op("CONV_2D", ins, [self.act((1, *size, channels), None)], options)[0]

    def depthwise(self, x, act=0):
        _, h, w, c = self._shape(x)
        weights = self.const(self.rng.normal(0, 0.4, (1, 3, 3, c)).astype(np.float32))
        bias = self.const(self.rng.normal(0, 0.3, c).astype(np.float32))
        options = {"Padding": 0, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, "FusedActivationFunction": act}
        return self.op("DEPTHWISE_CONV_2D", [x, weights, bias], [self.act((1, h, w, c), None)], options)[0]

    def elementwise(self, op, x, other, act=0):
        return self.op(op, [x, other], [self.act(self._shape(x), None)], {"FusedActivationFunction": act})[0]

    def single(self, op, x, **options):
        return self.op(op, [x], [self.act(self._shape(x), None)], options)[0]

    def vector(self, channels, lo, hi):
        return self.const(self.rng.uniform(lo, hi, channels).astype(np.float32))

    def pool(self, op, x, size):
        _, h, w, c = self._shape(x)
        options = {"Padding": 1, "StrideH": size, "StrideW": size, "FilterHeight": size, "FilterWidth": size}
        return self.op(op, [x], [self.act((1, h // size, w // size, c), None)], options)[0]

    def dense(self, x, units):
        k = int(np.prod(self._shape(x)))
        weights = self.const(self.rng.normal(0, k**-0.5, (units, k)).astype(np.float32))
        return self.op("FULLY_CONNECTED", [x, weights, self.vector(units, -0.2, 0.2)], [self.act((1, units), None)], {})[0]


def residual(seed: int = 0) -> bytes:
    """8x8x3 -> conv, depthwise, residual add with ReLU, max pool, global pool, dense, softmax."""
    n = FloatNet(seed)
    x = n.act((1, 8, 8, 3), None)
    a = n.conv(x, 8, act=1)
    b = n.depthwise(n.conv(a, 8, k=1, act=3), act=1)
    b = n.conv(b, 8, k=1)
    y = n.pool("MAX_POOL_2D", n.elementwise("ADD", a, b, act=1), 2)
    y = n.dense(n.pool("AVERAGE_POOL_2D", y, 4), CLASSES)
    return n.build([x], [n.single("SOFTMAX", y, Beta=1.0)])


def samples(shape, count: int = 96, seed: int = 1) -> np.ndarray:
    """Smooth random images, float32 [N,*shape]."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, *shape)).astype(np.float32)
    return x + rng.normal(0, 1, (count, 1, 1, 1, shape[-1])).astype(np.float32)


def labelled(model: bytes, x: np.ndarray) -> np.ndarray:
    """What the float network itself answers."""
    y = evaluate(load_network(model, "m").graph, [x])[0]
    return y.reshape(len(y), -1).argmax(1)


@pytest.fixture(scope="module")
def net() -> tuple[bytes, Calibration]:
    model, x = residual(), samples((1, 8, 8, 3))
    return model, Calibration((x,), labelled(model, x))


def written(result) -> bytes:
    return write_tflite(result[1].graph, result[1].options)


def test_batch_interpreter_equals_litert(net):
    model, data = net
    expected = [litert_run(model, [x])[0] for x in data.inputs[0][:6]]
    assert np.abs(evaluate(load_network(model, "m").graph, [data.inputs[0][:6]])[0] - np.stack(expected)).max() < 1e-5


def test_int8_file_runs_in_litert_and_agrees_with_the_simulation(net):
    model, data = net
    recipe, made = quantise(load_network(model, "m"), data)
    content = write_tflite(made.graph, made.options)
    graph = import_model(content, "q")
    assert all(t.dtype in (DType.INT8, DType.INT32) for t in graph.tensors.values())
    q_in, q_out = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    simulated = recipe.simulate(data.inputs)
    for x, expected in zip(data.inputs[0][:16], simulated, strict=False):
        q = np.clip(np.rint(x / q_in.scale) + q_in.zero_point, -128, 127).astype(np.int8)
        got = litert_run(content, [q])[0].astype(np.int32)
        # two steps: roundings that a simulation in float arithmetic does not have
        assert np.abs(got - (expected / q_out.scale + q_out.zero_point)).max() <= 4
    assert (simulated.reshape(len(data), -1).argmax(1) == data.labels).mean() > 0.9


def test_same_seed_same_bytes(net):
    model, data = net
    results = [written(quantise(load_network(model, "m"), data, seed=s)) for s in (3, 3)]
    assert results[0] == results[1]


def test_batch_norm_and_activations_go_into_the_layers():
    n = FloatNet(5)
    x = n.act((1, 6, 6, 2), None)
    y = n.conv(x, 4, bias=False)
    y = n.elementwise("MUL", y, n.vector(4, 0.5, 2))
    y = n.elementwise("SUB", y, n.vector(4, -1, 1))
    y = n.single("RELU6", n.elementwise("ADD", y, n.vector(4, 0, 3)))
    model = n.build([x], [n.conv(y, 3, k=1)])
    plain = load_network(model, "m")
    folded = fold(plain)
    assert [node.op for node in folded.graph.nodes] == ["CONV_2D", "CONV_2D"]
    data = samples((1, 6, 6, 2), 5)
    assert np.abs(evaluate(plain.graph, [data])[0] - evaluate(folded.graph, [data])[0]).max() < 1e-5


def test_constant_first_operand_of_sub_changes_the_sign():
    n = FloatNet(6)
    x = n.act((1, 4, 4, 2), None)
    y = n.act((1, 4, 4, 3), None)
    n.op("SUB", [n.vector(3, -1, 1), n.conv(x, 3)], [y], {"FusedActivationFunction": 1})
    plain = load_network(n.build([x], [y]), "m")
    folded, data = fold(plain), samples((1, 4, 4, 2), 5)
    assert [node.op for node in folded.graph.nodes] == ["CONV_2D"]
    assert np.abs(evaluate(plain.graph, [data])[0] - evaluate(folded.graph, [data])[0]).max() < 1e-5


def test_global_pool_gets_a_finer_step_than_its_input(net):
    model, data = net
    recipe, _ = quantise(load_network(model, "m"), data)
    mean = next(node for node in recipe.prepared.graph.nodes if node.op == "MEAN")
    assert recipe.grids[mean.outputs[0]].scale < 0.8 * recipe.grids[mean.inputs[0]].scale


def test_pools_and_reshapes_share_their_inputs_range(net):
    model, data = net
    recipe, _ = quantise(load_network(model, "m"), data)
    pool = next(node for node in recipe.prepared.graph.nodes if node.op == "MAX_POOL_2D")
    assert recipe.grids[pool.inputs[0]] == recipe.grids[pool.outputs[0]]


def test_options_survive(net):
    model, data = net
    _, made = quantise(load_network(model, "m"), data)
    again = read_options(write_tflite(made.graph, made.options))
    assert again[0]["FusedActivationFunction"] == 1 and again[0]["StrideH"] == 1


# ---------------------------------------------------------------- the command


def run(tmp_path, model: bytes, arrays: dict | bytes | None, *extra: str, out: str = "q.tflite") -> tuple[int, object]:
    (tmp_path / "m.tflite").write_bytes(model)
    if isinstance(arrays, dict):
        np.savez(tmp_path / "d.npz", **arrays)
    elif arrays is not None:
        (tmp_path / "d.npz").write_bytes(arrays)
    target = tmp_path / out
    code = main(["quantize", str(tmp_path / "m.tflite"), "--data", str(tmp_path / "d.npz"), "-o", str(target), "--json", *extra])
    return code, target


def test_command_writes_a_model_that_builds(net, tmp_path, capsys):
    model, data = net
    code, out = run(tmp_path, model, {"inputs": data.inputs[0][:, 0], "labels": data.labels})
    assert code == 0
    result = json.loads(capsys.readouterr().out)
    assert result["quantised"]["correct"] > 0.9 * len(data) and result["float"]["correct"] == len(data) and result["float_islands"] == []
    assert main(["build", str(out), "--board", "host", "-o", str(tmp_path / "b"), "--no-compile"]) == 0


GOOD = samples((1, 8, 8, 3), 8)[:, 0]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"inputs": GOOD[:, :7], "labels": np.zeros(8, int)}, "shape"),
        ({"inputs": np.where(GOOD > 2, np.nan, GOOD), "labels": np.zeros(8, int)}, "NaN"),
        ({"inputs": GOOD[:0], "labels": np.zeros(0, int)}, "no samples"),
        ({"inputs": GOOD}, "labels"),
        ({"inputs": GOOD, "labels": np.zeros(7, int)}, "labels"),
        ({"inputs": GOOD, "labels": np.full(8, CLASSES)}, "labels"),
        ({"inputs": GOOD, "labels": np.zeros(8)}, "labels"),
        (b"no archive", "readable"),
        (None, "no such file"),
    ],
    ids=["shape", "nan", "empty", "no_labels", "too_few_labels", "unknown_class", "float_labels", "garbage", "missing"],
)
def test_bad_calibration_file_is_one_line_and_nothing_is_written(net, tmp_path, capsys, arrays, says):
    code, out = run(tmp_path, net[0], arrays)
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tinyml: usage: ")]
    assert code == 2 and len(err) == 1 and says in err[0], err
    assert sorted(p.name for p in tmp_path.iterdir() if p.name not in ("m.tflite", "d.npz")) == []


def test_labels_are_not_needed_for_the_error(net, tmp_path):
    assert run(tmp_path, net[0], {"inputs": GOOD}, "--metric", "error")[0] == 0


def test_quantised_model_is_refused(net, tmp_path, capsys):
    model, data = net
    code, _ = run(tmp_path, written(quantise(load_network(model, "m"), data)), {"inputs": GOOD, "labels": np.zeros(8, int)})
    assert code == 2 and "quantised already" in capsys.readouterr().err


def test_float_edges_and_islands(net):
    """An operator without int8 form stays float32 between conversions, and so do inputs and outputs where asked for."""
    model, data = net
    recipe, made = quantise(load_network(model, "m"), data, float_io=True)
    graph = import_model(write_tflite(made.graph, made.options), "q")
    assert graph.nodes[0].op == "QUANTIZE" and graph.nodes[-1].op == "DEQUANTIZE"
    pool = next(n.index for n in recipe.prepared.graph.nodes if n.op == "MAX_POOL_2D")
    island = choose(prepare(load_network(model, "m"), data, frozenset({pool}))).network()
    content = write_tflite(island.graph, island.options)
    ops = [n.op for n in import_model(content, "q").nodes]
    at = ops.index("MAX_POOL_2D")
    assert ops[at - 1] == "DEQUANTIZE" and ops[at + 1] == "QUANTIZE"
    assert litert_run(content, [np.zeros((1, 8, 8, 3), np.int8)])[0].dtype == np.int8
