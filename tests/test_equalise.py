"""Cross-layer equalisation: the float network stays what it is, and channels of very different sizes fit into one int8 grid."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from test_quantize import CLASSES, FloatNet, labelled, residual, samples
from test_quantize_relief import calibration, spread_out
from tinyml.cli import main
from tinyml.exporters.tflite import write_tflite
from tinyml.numerics import FLT_MAX
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.equalise import EXPONENTS, channel_factors, equalise, pairs, scaled
from tinyml.quantize.equalise_choice import quantise_either
from tinyml.quantize.network import Network, load_network
from tinyml.quantize.quantise import prepare
from tinyml.quantize.score import score
from witness import litert_run

SHAPE = (1, 8, 8, 3)
RELU, RELU6 = 1, 3


@dataclass(frozen=True, eq=False)
class Separable:
    """Two depthwise-separable blocks whose channels training has left at very different scales: all of them times 2^-spread .. 2^spread
    between two layers, which a ReLU network computes the same with. out: what stands behind them."""

    spread: float
    act: int = RELU

    def model(self, seed: int = 3) -> bytes:
        n = FloatNet(seed)
        rng = np.random.default_rng(seed + 1)
        x = n.act(SHAPE, None)
        before = np.ones(3)
        y = x
        for kind, channels in (("CONV", 8), ("DEPTHWISE", 8), ("CONV", 12), ("DEPTHWISE", 12), ("CONV", 8)):
            last = kind == "CONV" and channels == 8 and y != x
            after = np.ones(channels) if last else 2.0 ** rng.uniform(-self.spread, self.spread, channels)
            y = self._layer(n, y, kind, channels, before, after)
            before = after
        y = n.dense(n.pool("AVERAGE_POOL_2D", y, 8), CLASSES)
        return n.build([x], [n.single("SOFTMAX", y, Beta=1.0)])

    def _layer(self, n: FloatNet, x: int, kind: str, channels: int, before: np.ndarray, after: np.ndarray) -> int:
        _, h, w, c = n._shape(x)
        if kind == "CONV":
            k = 3 if c == 3 else 1
            weights = n.rng.normal(0, (k * k * c / 2) ** -0.5, (channels, k, k, c)) * after[:, None, None, None] / before
        else:
            weights = n.rng.normal(0, 0.5, (1, 3, 3, c)) * after / before
        bias = n.rng.normal(0, 0.3, channels) * after
        options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, "FusedActivationFunction": self.act}
        op = "CONV_2D" if kind == "CONV" else "DEPTHWISE_CONV_2D"
        ins = [x, n.const(weights.astype(np.float32)), n.const(bias.astype(np.float32))]
        return n.op(op, ins, [n.act((1, h, w, channels), None)], options)[0]


def data_of(model: bytes, count: int = 96, seed: int = 1) -> Calibration:
    x = samples(SHAPE, count, seed)
    return Calibration((x,), labelled(model, x))


def prepared(model: bytes, data: Calibration):
    return prepare(load_network(model, "m"), data)


def outputs(network: Network, data: Calibration) -> np.ndarray:
    return evaluate(network.graph, data.inputs)[0]


@pytest.mark.parametrize("act", [0, RELU, RELU6])
def test_the_float_network_stays_what_it_is(act):
    """Also on samples that were not looked at, and in LiteRT."""
    model = Separable(3.0, act).model()
    p, other = prepared(model, data_of(model)), data_of(model, seed=2)
    network, count = equalise(p.network, p.quantised, p.data)
    assert count >= 3
    before, after = outputs(p.network, other), outputs(network, other)
    weights = [t.id for t in p.graph.tensors.values() if t.data is not None]
    assert any(not np.array_equal(p.graph.tensors[t].data, network.graph.tensors[t].data) for t in weights)
    # a ReLU6 may clip other samples where the calibration's did not come to it
    np.testing.assert_allclose(after, before, atol=1e-5 if act != RELU6 else 0.05)
    content = write_tflite(network.graph, network.options)
    for x, y in zip(other.inputs[0][:8], after, strict=False):
        np.testing.assert_allclose(litert_run(content, [x])[0], y, atol=1e-5)


SECONDS = ("CONV", "GROUPS", "DEPTHWISE", "TWICE", "DENSE")


@pytest.mark.parametrize(("first", "second"), [*(("CONV", s) for s in SECONDS), ("DEPTHWISE", "CONV"), ("DENSE", "DENSE")])
def test_any_factors_cancel(first, second):
    """For every kind of layer, in both places. TWICE: depthwise, each channel's outputs are two."""
    n, rng = FloatNet(4), np.random.default_rng(9)
    x = n.act(SHAPE if first != "DENSE" else (1, 24), None)
    y = {"CONV": lambda: n.conv(x, 6, act=RELU), "DEPTHWISE": lambda: n.depthwise(x, act=RELU), "DENSE": lambda: n.dense(x, 6)}[first]()
    c = n._shape(y)[-1]

    def odd(op: str, channels: int, shape: tuple[int, ...], **more: int) -> int:
        weights = n.const(rng.normal(0, 1, shape).astype(np.float32))
        options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, **more}
        return n.op(op, [y, weights, n.vector(channels, -1, 1)], [n.act((*n._shape(y)[:3], channels), None)], options)[0]

    z = {
        "CONV": lambda: n.conv(y, 5), "DEPTHWISE": lambda: n.depthwise(y), "DENSE": lambda: n.dense(y, 5),
        "GROUPS": lambda: odd("CONV_2D", 9, (9, 3, 3, c // 3)),
        "TWICE": lambda: odd("DEPTHWISE_CONV_2D", 2 * c, (1, 3, 3, 2 * c), DepthMultiplier=2),
    }[second]()  # fmt: skip
    network = load_network(n.build([x], [z]), "m")
    inputs = rng.normal(0, 1, (10, *network.graph.tensors[network.graph.inputs[0]].shape)).astype(np.float32)
    (pair,) = pairs(network.graph, frozenset({0, 1}))
    graph = scaled(network.graph, pair, 2.0 ** rng.integers(-6, 7, c))
    before, after = (evaluate(g, [inputs])[0] for g in (network.graph, graph))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


def test_what_is_no_pair():
    """A residual branch, an output that two operators read or the network gives away, an activation that is not positively homogeneous."""
    n = FloatNet(1)
    x = n.act(SHAPE, None)
    a = n.conv(x, 4, act=RELU)  # 0: read twice
    b = n.conv(a, 4, act=2)  # 1: clipped on both sides
    c = n.conv(b, 4)  # 2: read by the ADD
    d = n.conv(n.elementwise("ADD", a, c, act=RELU), 4)  # 4: an output itself
    e = n.conv(n.conv(d, 4, act=RELU6), 4)  # 5 and 6: the only pair
    f = n.conv(e, 6)  # 7: rows of 4 of its channels are multiplied by the same weights
    rows = n.op("FULLY_CONNECTED", [f, n.const(np.ones((2, 4), np.float32)), n.vector(2, 0, 1)], [n.act((96, 2), None)], {})[0]
    graph = load_network(n.build([x], [d, e, rows]), "m").graph
    every = frozenset(range(len(graph.nodes)))
    assert [(p.first.index, p.second.index) for p in pairs(graph, every)] == [(5, 6)]
    assert not list(pairs(graph, every - {6}))  # an island of float32


def test_channels_that_a_relu6_clips_stay():
    model = Separable(3.0, RELU6).model()
    p = prepared(model, data_of(model))
    network, _ = equalise(p.network, p.quantised, p.data)
    clipped = 0
    for pair in pairs(p.graph, p.quantised):
        bias = p.graph.view(pair.first).inputs[2]
        changed = network.graph.tensors[bias.id].data / bias.data
        y = evaluate(p.graph, p.data.inputs, wanted=[pair.first.outputs[0]])[0]
        at_limit = y.reshape(-1, y.shape[-1]).max(0) >= 6.0
        clipped += int(at_limit.sum())
        assert (changed[at_limit] == 1).all()
    assert clipped > 0 and p.graph.view(next(iter(pairs(p.graph, p.quantised))).first).attrs.clamp[1] < FLT_MAX


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_other_channels_do_not_come_to_the_limit(exponent):
    rng = np.random.default_rng(2)
    for most in (6.0, 3.0):
        reach, share = np.minimum(2.0 ** rng.uniform(-6, 4, 50), most), 2.0 ** rng.uniform(-6, 0, 50)
        reach[0], share[1] = 0.0, 0.0  # dead ones
        s = channel_factors(reach, share, exponent, 6.0)
        assert (s[(reach == 6.0) | (reach == 0) | (share == 0)] == 1).all() and len(set(s)) > 10
        assert (reach / s)[reach < 6.0].max() < 5.6


def test_badly_scaled_channels_are_where_it_matters():
    """Also on samples that nothing was fitted to, and down to what the same network with channels of like sizes loses."""
    model = Separable(7.0).model(5)
    data, other = data_of(model), data_of(model, seed=2)
    recipe, found = quantise_either(load_network(model, "m"), data)
    assert found.kept and found.pairs >= 3 and found.with_ < 0.1 * found.without
    even, _ = quantise_either(load_network(Separable(0.0).model(5), "m"), data)
    assert score(recipe, other)[1].error < 1.5 * score(even, other)[1].error


def test_what_brings_nothing_is_left_out():
    model = residual()
    data = Calibration((samples(SHAPE),), None)
    recipe, found = quantise_either(load_network(model, "m"), data)
    assert not found.kept and found.without == score(recipe, data)[1].error


def test_a_network_without_pairs():
    n = FloatNet()
    x = n.act(SHAPE, None)
    model = n.build([x], [n.conv(x, 4)])
    _, found = quantise_either(load_network(model, "m"), Calibration((samples(SHAPE, 8),), None))
    assert found.pairs == 0 and not found.kept and "no pairs" in found.line()


def test_the_command_says_what_was_chosen(tmp_path, capsys):
    """A network that int8 alone can not hold (tests/test_quantize_relief.py), twice with the same bytes; LiteRT runs it."""
    (tmp_path / "m.tflite").write_bytes(spread_out())
    np.savez(tmp_path / "d.npz", inputs=calibration().inputs[0][:, 0])
    files, words = (
        [tmp_path / "a.tflite", tmp_path / "b.tflite"],
        [tmp_path / "m.tflite", "--data", tmp_path / "d.npz", "--metric", "error"],
    )
    for out in files:
        assert main([str(w) for w in ("quantize", *words, "-o", out, "--json")]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["equalised"]["kept"] and report["equalised"]["with"] < 0.01 < 0.1 < report["equalised"]["without"]
        assert report["quantised"]["error"] == pytest.approx(report["equalised"]["with"], rel=1e-3)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert main([str(w) for w in ("quantize", *words, "-o", files[0])]) == 0
    assert "cross-layer equalisation of 3 pairs" in capsys.readouterr().out
    assert main([str(w) for w in ("quantize", *words, "-o", files[0], "--activations", "int16", "--json")]) == 0
    assert json.loads(capsys.readouterr().out)["equalised"] is None
