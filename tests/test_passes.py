"""Each pass on hand-made networks: the operators it leaves, and where it must not touch anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from interpret import interpret
from networks import SAME, SCALE, VALID, ZERO, Net, ops
from tinyml.errors import InternalError
from tinyml.ir import DType, Graph, Quant
from tinyml.passes import PASSES, Pass, run_passes
from tinyml.passes.drop_dead import drop_dead
from tinyml.passes.drop_noops import drop_noops
from tinyml.passes.fold_constants import fold_constants
from tinyml.passes.fold_padding import fold_padding
from tinyml.passes.fuse_activations import fuse_activations
from tinyml.passes.peel_edges import peel_edges
from tinyml.passes.verify import verify

X = (1, 5, 5, 4)
SPATIAL = [[0, 0], [1, 2], [2, 1], [0, 0]]


def after(p: Pass, graph: Graph) -> list[str]:
    """Operators that `p` leaves, once its result is known to compute the same bits."""
    changed = p(graph)
    verify(changed, p.__name__)
    rng = np.random.default_rng(1)
    inputs = []
    for t in (graph.io_input(k) for k in range(len(graph.inputs))):
        inputs.append(rng.uniform(-9, 9, t.shape).astype(np.float32) if t.dtype is DType.FLOAT32 else rng.integers(-128, 128, t.shape).astype(np.int8))
    for y, e in zip(interpret(changed, inputs), interpret(graph, inputs), strict=True):
        np.testing.assert_array_equal(y, e)
    return ops(changed)


def network(build: Callable[[Net, int], int | list[int]], shape=X) -> Graph:
    n = Net()
    x = n.act(shape)
    out = build(n, x)
    return n.graph([x], out if isinstance(out, list) else [out])


# ---------------------------------------------------------------- constants

def constant(n: Net, shape=X) -> int:
    return n.const(np.random.default_rng(5).integers(-128, 128, shape).astype(np.int8), scale=SCALE, zero_point=ZERO)


def test_constants_are_folded_through_several_operators() -> None:
    g = network(lambda n, x: n.add(x, n.unary("RELU", n.reshape(constant(n, (5, 20)), X))))
    assert after(fold_constants, g) == ["ADD"]


@pytest.mark.parametrize(
    "op",
    [
        lambda n, c: n.conv(c, 3, 3), lambda n, c: n.max_pool(c, 2), lambda n, c: n.unary("RELU", c), lambda n, c: n.concat([c, c], 1),
        lambda n, c: n.op("MEAN", [c, n.ints([1, 2])], [n.act((1, 4))])[0],
    ],
)  # fmt: skip
def test_a_constant_result_that_is_an_output_becomes_a_copy(op: Callable[[Net, int], int]) -> None:
    g = network(lambda n, x: [n.unary("RELU", x), op(n, constant(n))])
    assert after(fold_constants, g) == ["RELU", "RESHAPE"]
    run_passes(g)


def test_a_split_of_a_constant_where_one_part_is_an_output() -> None:
    def build(n: Net, x: int) -> list[int]:
        a, b = n.split(constant(n), 3, 2)
        return [a, n.add(n.slice(x, (0, 0, 0, 0), (1, 5, 5, 2)), b)]

    assert after(fold_constants, network(build)) == ["RESHAPE", "SLICE", "ADD"]


# ---------------------------------------------------------------- no-ops

def test_operators_that_change_nothing_are_dropped() -> None:
    def build(n: Net, x: int) -> int:
        y = n.reshape(n.conv(x, 4), X)
        y = n.pad(y, [[0, 0]] * 4)
        y = n.slice(n.concat([y], 3), (0, 0, 0, 0), X)
        return n.conv(n.unary("QUANTIZE", y), 4)

    assert after(drop_noops, network(build)) == ["CONV_2D", "CONV_2D"]


def test_the_last_operator_may_be_a_no_op() -> None:
    assert after(drop_noops, network(lambda n, x: n.reshape(n.conv(x, 4), X))) == ["CONV_2D"]


def test_no_ops_that_the_interface_needs_stay() -> None:
    assert after(drop_noops, network(lambda n, x: n.reshape(x, X))) == ["RESHAPE"]

    def both(n: Net, x: int) -> list[int]:
        y = n.conv(x, 4)
        return [y, n.reshape(y, X)]

    assert after(drop_noops, network(both)) == ["CONV_2D", "RESHAPE"]


def test_the_same_bytes_under_another_scale_are_something_else() -> None:
    def build(n: Net, x: int) -> int:
        y = n.conv(x, 4)
        z = n.op("RESHAPE", [y, n.ints(X)], [n.act(X, SCALE * 2, 7)], {})[0]
        return n.conv(z, 2)

    assert after(drop_noops, network(build)) == ["CONV_2D", "RESHAPE", "CONV_2D"]


# ---------------------------------------------------------------- padding

def test_padding_goes_into_the_convolution() -> None:
    g = network(lambda n, x: n.conv(n.pad(x, SPATIAL), 3, 3, 2, VALID))
    assert after(fold_padding, g) == ["CONV_2D"]
    assert fold_padding(g).nodes[0].attrs.pad == (1, 2, 2, 1)


def test_padding_adds_to_the_convolutions_own() -> None:
    g = network(lambda n, x: n.conv(n.pad(x, SPATIAL), 3, 3, 1, SAME))
    assert after(fold_padding, g) == ["CONV_2D"]
    assert fold_padding(g).nodes[0].attrs.pad == (2, 3, 3, 2)


def test_padding_twice_and_for_two_readers() -> None:
    assert after(fold_padding, network(lambda n, x: n.conv(n.pad(n.pad(x, SPATIAL), SPATIAL), 3, 3))) == ["CONV_2D"]

    def two(n: Net, x: int) -> list[int]:
        p = n.pad(x, SPATIAL)
        return [n.conv(p, 3, 3), n.conv(p, 2, 3, 2)]

    assert after(fold_padding, network(two)) == ["CONV_2D", "CONV_2D"]


@pytest.mark.parametrize(
    "build",
    [
        lambda n, x: n.max_pool(n.pad(x, SPATIAL), 3),  # a pool does not count padding
        lambda n, x: n.conv(n.pad(x, [[0, 0], [0, 0], [0, 0], [1, 0]]), 3, 3),  # channels
        lambda n, x: (lambda p: [n.conv(p, 3, 3), n.max_pool(p, 2)])(n.pad(x, SPATIAL)),  # a second reader
        lambda n, x: (lambda p: [n.conv(p, 3, 3), p])(n.pad(x, SPATIAL)),  # an output
        lambda n, x: n.conv(_padv2(n, x, ZERO + 1), 3, 3),  # not what stands for 0
        lambda n, x: n.conv(_requantising_pad(n, x), 3, 3),  # another zero point behind it
    ],
)
def test_padding_that_must_stay(build: Callable[[Net, int], int]) -> None:
    g = network(build)
    assert sorted(after(fold_padding, g)) == sorted(ops(g))


def _padv2(n: Net, x: int, value: int) -> int:
    fill = n.const(np.array([value], np.int8), scale=SCALE, zero_point=ZERO)
    return n.op("PADV2", [x, n.ints(SPATIAL), fill], [n.act((1, 8, 8, 4))])[0]


def _requantising_pad(n: Net, x: int) -> int:
    y = n.op("RESHAPE", [x, n.ints(X)], [n.act(X, SCALE, ZERO + 9)], {})[0]
    return n.pad(n.op("RESHAPE", [y, n.ints(X)], [n.act(X, SCALE, ZERO + 9)], {})[0], SPATIAL)


def test_padv2_with_the_zero_point_is_padding() -> None:
    assert after(fold_padding, network(lambda n, x: n.conv(_padv2(n, x, ZERO), 3, 3))) == ["CONV_2D"]


# ---------------------------------------------------------------- activations

@pytest.mark.parametrize("act", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_an_activation_goes_into_its_producer(act: str) -> None:
    assert after(fuse_activations, network(lambda n, x: n.unary(act, n.conv(x, 4, 3)))) == ["CONV_2D"]
    assert after(fuse_activations, network(lambda n, x: n.unary(act, n.add(x, x)))) == ["ADD"]
    assert after(fuse_activations, network(lambda n, x: n.unary("RELU", n.unary(act, n.conv(x, 4, 3))))) == ["CONV_2D"]


@pytest.mark.parametrize(
    "build",
    [
        lambda n, x: n.unary("RELU", n.conv(x, 4, 3), SCALE, ZERO + 1),  # requantises
        lambda n, x: n.unary("RELU", n.conv(x, 4, 3), SCALE * 2),
        lambda n, x: (lambda y: [n.unary("RELU", y), n.conv(y, 1)])(n.conv(x, 4, 3)),  # read twice
        lambda n, x: (lambda y: [n.unary("RELU", y), y])(n.conv(x, 4, 3)),  # an output
        lambda n, x: n.unary("RELU", x),  # the input
        lambda n, x: n.unary("RELU", n.reshape(x, (4, 25))),  # a producer without a clamp
    ],
)
def test_an_activation_that_must_stay(build: Callable[[Net, int], int]) -> None:
    g = network(build)
    assert sorted(after(fuse_activations, g)) == sorted(ops(g))


# ---------------------------------------------------------------- edges

def edges(build: Callable[[Net, int, int], tuple[list[int], list[int]]]) -> Graph:
    """`build` gets the network, a float32 input and its quantised form, and names the graph's inputs and outputs."""
    n = Net()
    f = n.act(X, None)
    q = n.op("QUANTIZE", [f], [n.act(X)])[0]
    return n.graph(*build(n, f, q))


def dequantized(n: Net, x: int) -> int:
    return n.op("DEQUANTIZE", [x], [n.act(n.tensors[x].shape, None)])[0]


def test_conversions_move_out_of_the_network() -> None:
    g = edges(lambda n, f, q: ([f], [dequantized(n, n.conv(q, 3))]))
    assert after(peel_edges, g) == ["CONV_2D"]
    peeled = peel_edges(g)
    assert (peeled.model_inputs, peeled.model_outputs) == (g.inputs, g.outputs)
    assert peeled.io_input(0).dtype is DType.FLOAT32 and peeled.tensors[peeled.inputs[0]].dtype is DType.INT8
    assert ops(drop_dead(peeled)) == ["CONV_2D"]
    verify(drop_dead(peeled))


def test_conversions_that_must_stay() -> None:
    assert after(peel_edges, edges(lambda n, f, q: ([f], [n.conv(q, 3), f]))) == ["QUANTIZE", "CONV_2D"]  # the input is an output
    again = edges(lambda n, f, q: ([f], [n.conv(q, 3), n.op("RELU", [f], [n.act(X, None)])[0]]))
    assert after(peel_edges, again) == ["QUANTIZE", "CONV_2D", "RELU"]
    assert after(peel_edges, edges(lambda n, f, q: ([f], [n.conv(q, 3), q]))) == ["QUANTIZE", "CONV_2D"]
    assert after(peel_edges, edges(lambda n, f, q: ([f], [dequantized(n, q)]))) == ["DEQUANTIZE"]  # only one of both ends

    def two_names(n: Net, f: int, q: int) -> tuple[list[int], list[int]]:
        y = n.conv(q, 3)
        return [f], [dequantized(n, y), dequantized(n, y)]

    assert after(peel_edges, edges(two_names)) == ["CONV_2D", "DEQUANTIZE"]

    def read_on(n: Net, f: int, q: int) -> tuple[list[int], list[int]]:
        y = dequantized(n, n.conv(q, 4))
        return [f], [y, n.op("RELU", [y], [n.act(X, None)])[0]]

    assert after(peel_edges, edges(read_on)) == ["CONV_2D", "DEQUANTIZE", "RELU"]


# ---------------------------------------------------------------- the rest

def test_what_no_output_needs_is_dropped() -> None:
    def build(n: Net, x: int) -> int:
        a, _ = n.split(n.conv(x, 4), 3, 2)
        n.conv(n.conv(x, 8, 3), 2)
        return n.conv(a, 1)

    g = network(build)
    assert after(drop_dead, g) == ["CONV_2D", "SPLIT", "CONV_2D"]
    assert len(drop_dead(g).tensors) == len(g.tensors) - 2 * 3  # two convolutions' weights, biases and results


def test_all_passes_together() -> None:
    def build(n: Net, f: int, q: int) -> tuple[list[int], list[int]]:
        y = n.unary("RELU6", n.conv(n.pad(q, SPATIAL), 4, 3, 1, VALID))
        y = n.unary("RELU", n.add(n.reshape(y, (1, 6, 6, 4)), n.unary("RELU", constant(n, (4,)))))
        return [f], [dequantized(n, y)]

    g = edges(build)
    assert after(run_passes, g) == ["CONV_2D", "ADD"]
    names = []
    run_passes(g, lambda name, _: names.append(name))
    assert names == [p.__name__ for p in PASSES]


def _broken() -> dict[str, Callable[[Graph], Graph]]:
    def tensor(g: Graph, t: int, **changes) -> Graph:
        return g.with_(tensors={**g.tensors, t: replace(g.tensors[t], **changes)})

    def node(g: Graph, k: int, **changes) -> Graph:
        nodes = list(g.nodes)
        nodes[k] = replace(nodes[k], **changes)
        return g.with_(nodes=tuple(nodes))

    return {
        "order": lambda g: g.with_(nodes=g.nodes[::-1]),
        "a missing tensor": lambda g: g.with_(tensors={t: v for t, v in g.tensors.items() if t != g.nodes[0].outputs[0]}),
        "another's id": lambda g: tensor(g, g.inputs[0], id=999),
        "a shape that is not inferred": lambda g: tensor(g, g.nodes[0].outputs[0], shape=(1, 5, 4, 4)),
        "an empty shape": lambda g: tensor(g, g.inputs[0], shape=(1, 0, 5, 4)),
        "int8 without a scale": lambda g: tensor(g, g.inputs[0], quant=None),
        "scales without zero points": lambda g: tensor(g, g.inputs[0], quant=Quant((0.1,), ())),
        "activations per channel": lambda g: tensor(g, g.inputs[0], quant=Quant((0.1,) * 4, (0,) * 4, 3)),
        "data of another shape": lambda g: tensor(g, g.nodes[0].inputs[1], data=np.zeros(3, np.int8)),
        "data of another type": lambda g: tensor(g, g.nodes[0].inputs[1], data=np.zeros((4, 1, 1, 4), np.int16)),
        "written twice": lambda g: node(g, 1, outputs=g.nodes[0].outputs),
        "its own input": lambda g: node(g, 1, outputs=(g.nodes[1].inputs[0],)),
        "a constant written": lambda g: node(g, 0, outputs=(g.nodes[0].inputs[1],)),
        "no such operator": lambda g: node(g, 0, op="NONE"),
        "an input twice": lambda g: g.with_(inputs=g.inputs * 2),
        "a constant input": lambda g: g.with_(inputs=(g.nodes[0].inputs[1],)),
        "an output nobody writes": lambda g: g.with_(nodes=g.nodes[:1]),
        "attributes that do not fit": lambda g: node(g, 0, attrs=replace(g.nodes[0].attrs, pad=(1, 0, 0, 0))),
    }


@pytest.mark.parametrize("what", _broken())
def test_verify_refuses(what: str) -> None:
    g = network(lambda n, x: n.unary("RELU", n.conv(x, 4)))
    verify(g, "good")
    with pytest.raises(InternalError) as error:
        verify(_broken()[what](g), "some_pass")
    assert error.value.stage == "some_pass"
