"""Removing channels that never change: every output stays, what can go is gone, what a border needs stays."""

from __future__ import annotations

import numpy as np
import pytest

from interpret import interpret
from tinyml.ir import DType, Graph, Node, Quant, Tensor
from tinyml.ops import _convolution, _pool, _reshape, fully_connected
from tinyml.passes.drop_constant_channels import drop_constant_channels
from tinyml.passes.verify import verify

CLAMP = (-128, 127)
C = 16  # channels between the layers


def _network(rng: np.random.Generator, dead: int, value: int, kernel: int) -> Graph:
    """conv -> depthwise 3x3 -> conv `kernel` x `kernel` -> pool -> reshape -> fully connected; `dead` of the first layer's
    channels are constantly `value`, as are those of the second layer where its padding allows it."""
    tensors: dict[int, Tensor] = {}

    def act(shape: tuple[int, ...], zp: int = -128) -> int:
        tensors[len(tensors)] = Tensor(len(tensors), "t", shape, DType.INT8, Quant((0.05,), (zp,)))
        return len(tensors) - 1

    def const(data: np.ndarray, quant: Quant) -> int:
        dtype = DType.INT8 if data.dtype == np.int8 else DType.INT32
        tensors[len(tensors)] = Tensor(len(tensors), "w", data.shape, dtype, quant, data)
        return len(tensors) - 1

    def layer(shape: tuple[int, ...], axis: int, bias: np.ndarray, scale: float = 0.01) -> tuple[int, int]:
        w = rng.integers(-127, 128, shape).astype(np.int8)
        quant = Quant((scale,) * shape[axis], (0,) * shape[axis], axis)
        return const(w, quant), const(bias.astype(np.int32), Quant((scale * 0.05,) * shape[axis], (0,) * shape[axis]))

    def attrs(k: int) -> _convolution.Attrs:
        return _convolution.Attrs((1, 1), (1, 1), (k // 2,) * 4, CLAMP)

    bias = rng.integers(-500, 500, C)
    x = act((1, 6, 5, 3))
    w1, b1 = layer((C, 1, 1, 3), 0, bias)
    # weights of 0 leave the bias alone: (value - zero point) * 0.05 = bias * 0.05 * 0.01
    w = tensors[w1].data.copy()
    w[:dead], bias[:dead] = 0, (value + 128) * 100
    tensors[w1], tensors[b1] = (
        Tensor(t.id, t.name, t.shape, t.dtype, t.quant, d) for t, d in ((tensors[w1], w), (tensors[b1], bias.astype(np.int32)))
    )
    y1 = act((1, 6, 5, C))
    w2, b2 = layer((1, 3, 3, C), 3, rng.integers(-500, 500, C))
    y2 = act((1, 6, 5, C))
    w3, b3 = layer((C, kernel, kernel, C), 0, rng.integers(-500, 500, C), 0.002)
    y3, y4, y5 = act((1, 6, 5, C)), act((1, 1, 1, C)), act((1, C))
    w4 = const(rng.integers(-127, 128, (7, C)).astype(np.int8), Quant((0.01,), (0,)))
    b4 = const(rng.integers(-500, 500, 7).astype(np.int32), Quant((0.0005,), (0,)))
    y6 = act((1, 7), 3)
    nodes = (
        Node("CONV_2D", (x, w1, b1), (y1,), attrs(1), 0),
        Node("DEPTHWISE_CONV_2D", (y1, w2, b2), (y2,), attrs(3), 1),
        Node("CONV_2D", (y2, w3, b3), (y3,), attrs(kernel), 2),
        Node("AVERAGE_POOL_2D", (y3,), (y4,), _pool.Attrs((6, 5), (1, 1), (0, 0, 0, 0), CLAMP), 3),
        Node("RESHAPE", (y4,), (y5,), _reshape.Attrs((1, C)), 4),
        Node("FULLY_CONNECTED", (y5, w4, b4), (y6,), fully_connected.Attrs(False, CLAMP), 5),
    )
    return Graph("net", tensors, nodes, (x,), (y6,))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("dead", "value"), [(0, -128), (4, -128), (7, -128), (16, -128), (8, -100), (8, 127)])
def test_outputs_stay(dead: int, value: int, kernel: int) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        before = _network(rng, dead, value, kernel)
        after = drop_constant_channels(before)
        verify(after, "drop_constant_channels")
        for _ in range(5):
            x = rng.integers(-128, 128, (1, 6, 5, 3)).astype(np.int8)
            np.testing.assert_array_equal(interpret(after, [x])[0], interpret(before, [x])[0])
        y1, y2 = (after.tensors[after.nodes[k].outputs[0]] for k in (0, 1))
        assert y1.shape[3] == y2.shape[3]  # a depthwise layer loses a channel on both sides
        if value == -128 and kernel == 1:
            # what is dead goes in whole fours, at least four stay; chance may close a few more channels
            assert y1.shape[3] % 4 == 0 and 4 <= y1.shape[3] <= max(4, C - dead // 4 * 4)
        if value != -128:
            assert y1.shape[3] == C  # not the zero point: the depthwise layer's borders see the difference

