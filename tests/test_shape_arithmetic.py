"""What converters leave of a Keras Flatten or Reshape whose batch was open: extents that operators compute and a RESHAPE reads."""

from __future__ import annotations

import numpy as np
import pytest

from networks import Net
from tinyml.errors import Unsupported
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.reference import run_graph
from witness import litert_run

SHAPE = (1, 3, 4, 5)


def _flatten(net: Net, x: int, of: int) -> int:
    """x as [batch, rest], the batch being extent 0 of `of`, which the file computes."""
    extents = net.op("SHAPE", [of], [net.tensor((4,), DType.INT32)], {"OutType": 2})[0]
    bounds = [net.ints([0]), net.ints([1]), net.ints([1])]
    batch = net.op("STRIDED_SLICE", [extents, *bounds], [net.tensor((), DType.INT32)], {"ShrinkAxisMask": 1})[0]
    rest = net.const(np.array(60, np.int32))
    shape = net.op("PACK", [batch, rest], [net.tensor((2,), DType.INT32)], {"ValuesCount": 2})[0]
    return net.op("RESHAPE", [x, shape], [net.act((1, 60))], {})[0]


def test_an_open_batch_is_known() -> None:
    net = Net()
    x = net.act(SHAPE)
    y = net.conv(x, 5)
    data = net.build([x], [_flatten(net, y, y)])
    graph = import_model(data, "flatten")
    assert [n.op for n in graph.nodes if n.op in ("SHAPE", "STRIDED_SLICE", "PACK")] == []
    fed = [np.random.default_rng(0).integers(-128, 128, SHAPE).astype(np.int8)]
    np.testing.assert_array_equal(run_graph(graph, fed)[graph.outputs[0]], litert_run(data, fed)[0])


def test_a_shape_that_is_data_stays_refused() -> None:
    net = Net()
    x, shape = net.act(SHAPE), net.tensor((2,), DType.INT32)
    data = net.build([x, shape], [net.op("RESHAPE", [x, shape], [net.act((1, 60))], {})[0]])
    with pytest.raises(Unsupported, match="new shape is not constant"):
        import_model(data, "open")


def test_extents_that_the_network_returns_are_computed() -> None:
    net = Net()
    x = net.act(SHAPE)
    extents = net.op("SHAPE", [x], [net.tensor((4,), DType.INT32)], {"OutType": 2})[0]
    graph = import_model(net.build([x], [extents]), "extents")
    assert [n.op for n in graph.nodes] == ["SHAPE"]
    np.testing.assert_array_equal(run_graph(graph, [np.zeros(SHAPE, np.int8)])[extents], SHAPE)
