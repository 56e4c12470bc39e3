"""The quantised graph: integer tensors in place of float ones, conversions where an island of float32 begins or ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir import DType, Graph, Node, Quant, Tensor
from tinyml.opspec import Malformed, Reject, load_ops
from tinyml.quantize.grid import Grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.network import Network, remade
from tinyml.quantize.sequential import LayerWeights

MAX_BIAS = 1 << 30  # of an int32 bias, so that the accumulator has room
MAX_WIDE_BIAS = 1 << 44
FLOAT = 32  # bits of activations that are float32


class Refused(Exception):
    """Operators (by `Node.index`) that cannot be built on integers, after all: they have to stay float32."""

    def __init__(self, nodes: frozenset[int], why: str):
        self.nodes = nodes
        super().__init__(why)


@dataclass
class _Assembly:
    """The graph under construction."""

    network: Network
    quantised: frozenset[int]
    grids: Mapping[int, Grid]
    weights: Mapping[int, LayerWeights]
    wide: frozenset[int]

    def __post_init__(self) -> None:
        graph = self.network.graph
        self.tensors: dict[int, Tensor] = {}
        self.nodes: list[Node] = []
        self.options = dict(self.network.options)
        self.next_id = graph.fresh_id()
        self.next_index = max((n.index for n in graph.nodes), default=0) + 1
        self.converted: dict[tuple[int, int], int] = {}
        self.bits: dict[int, int] = {}  # of activations under their own id, FLOAT for float32

    def fresh(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def add(self, t: Tensor) -> int:
        """Under its own id, or under a new one where that is taken by another version of it."""
        if t.id in self.tensors:
            t = replace(t, id=self.fresh())
        self.tensors[t.id] = t
        return t.id

    def computed(self, node: Node, t: int) -> int:
        """Bits in which `node` reads or writes activation `t`."""
        if node.index not in self.quantised or self.network.graph.tensors[t].dtype is not DType.FLOAT32:
            return FLOAT
        return 16 if node.index in self.wide else self.grids[t].bits

    def grid(self, node: Node, t: int) -> Grid:
        """On which `node` reads or writes `t`. int16 holds what an int8 reader or writer of the same tensor has, step for step; where an
        operator prescribes its output, that of int16."""
        grid = self.grids[t]
        if self.computed(node, t) != 16 or grid.bits == 16:
            return grid
        fixed = load_ops()[node.op].fixed_outputs.get(DType.INT16) if t in node.outputs else None
        return Grid(fixed.scale, fixed.zero_point, 16) if fixed else Grid(grid.scale, 0, 16)

    def define(self, t: int, bits: int, grid: Grid | None) -> None:
        tensor = self.network.graph.tensors[t]
        self.tensors[t] = tensor if grid is None else _on_grid(tensor, grid)
        self.bits[t] = bits

    def read(self, t: int, bits: int, grid: Grid | None) -> int:
        """The id under which a node reads activation `t` in `bits`, converted first where it is of another kind."""
        if self.bits[t] == bits or (t, bits) in self.converted:
            return self.converted.get((t, bits), t)
        tensor = self.network.graph.tensors[t]
        made = replace(tensor if grid is None else _on_grid(tensor, grid), id=self.fresh())
        self.tensors[made.id] = made
        self.converted[t, bits] = made.id
        node = Node("DEQUANTIZE" if grid is None else "QUANTIZE", (t,), (made.id,), None, self.next_index)
        self.next_index += 1
        self.nodes.append(remade(node, self.tensors, {}))
        return made.id

    def node(self, node: Node) -> None:
        graph, integer = self.network.graph, node.index in self.quantised
        layer = load_layers().get(node.op) if integer else None
        view = graph.view(node)
        inputs: list[int | None] = []
        for k, t in enumerate(view.inputs):
            if t is None:
                inputs.append(None)
            elif not t.is_const:
                bits = self.computed(node, t.id)
                inputs.append(self.read(t.id, bits, None if bits == FLOAT else self.grid(node, t.id)))
            elif layer is not None and k in (layer.weights, layer.bias):
                inputs.append(None)  # below, when the input is known
            elif integer and t.dtype is DType.FLOAT32:
                inputs.append(self.add(_constant_on_grid(t, self.grid(node, t.id))))
            else:
                inputs.append(t.id if self.tensors.get(t.id) is t else self.add(t))
        if layer is not None:
            x, w, bias = layer.tensors(view)
            assert bias is not None
            made_w, made_b = layer_tensors(w, bias, layer.axis, self.weights[node.index], self.grid(node, x.id))
            inputs[layer.weights], inputs[layer.bias] = self.add(made_w), self.add(made_b)
        for t in view.outputs:
            bits = self.computed(node, t.id)
            self.define(t.id, bits, None if bits == FLOAT else self.grid(node, t.id))
        made = replace(node, inputs=tuple(inputs))
        if node.index in self.wide:
            self.options[node.index] = {**self.options.get(node.index, {}), **load_ops()[node.op].type_options.get(DType.INT16, {})}
        try:
            self.nodes.append(remade(made, self.tensors, self.options.get(node.index, {})) if integer else made)
        except (Reject, Malformed) as why:
            raise Refused(frozenset({node.index}), f"{node.op}: {why}") from why


def assemble(
    network: Network, quantised: frozenset[int], grids: Mapping[int, Grid], weights: Mapping[int, LayerWeights], float_io: bool = False,
    wide: frozenset[int] = frozenset(),
) -> Network:  # fmt: skip
    """The network on integers. quantised, weights: by `Node.index`; grids: of all activations of quantised operators.
    float_io: inputs and outputs stay float32. wide: the quantised operators that are computed on int16. Raises Refused."""
    graph, a = network.graph, _Assembly(network, quantised, grids, weights, wide)
    for t in graph.inputs:
        readers = [graph.nodes[k] for k in graph.consumers.get(t, ())]
        integer = not float_io and any(n.index in quantised for n in readers)
        a.define(t, grids[t].bits if integer else FLOAT, grids[t] if integer else None)
    for node in graph.nodes:
        a.node(node)
    outputs = tuple(_output(a, t, float_io) for t in graph.outputs)
    made = Graph(graph.name, a.tensors, tuple(a.nodes), graph.inputs, outputs)
    return Network(made, a.options)


def _output(a: _Assembly, t: int, float_io: bool) -> int:
    if float_io:
        return a.read(t, FLOAT, None)
    return a.read(t, a.grids[t].bits, a.grids[t]) if a.bits[t] == 16 else t


def integer_type(bits: int) -> DType:
    return DType[f"INT{bits}"]


def _on_grid(t: Tensor, grid: Grid) -> Tensor:
    return replace(t, dtype=integer_type(grid.bits), quant=Quant((grid.scale,), (grid.zero_point,)))


def _constant_on_grid(t: Tensor, grid: Grid) -> Tensor:
    assert t.data is not None
    q = np.clip(np.rint(t.data / np.float32(grid.scale)) + grid.zero_point, *grid.limits).astype(integer_type(grid.bits).numpy)
    q.setflags(write=False)
    return replace(_on_grid(t, grid), data=q)


def layer_tensors(w: Tensor, bias: Tensor, axis: int, made: LayerWeights, grid: Grid) -> tuple[Tensor, Tensor]:
    """Weights and bias of a layer whose input has `grid`: a bias counts steps of input scale times weight scale, in int32, and in int64
    beside int16 activations."""
    dtype, most = (DType.INT64, MAX_WIDE_BIAS) if grid.bits == 16 else (DType.INT32, MAX_BIAS)
    scale = made.scale.astype(np.float64)
    # a channel of (nearly) no weights may have a bias of more steps than an int32 holds: its steps are made coarser
    least = np.abs(made.bias.astype(np.float64)) / (most * grid.scale)
    coarse = least > scale
    scale32 = np.maximum(scale, least).astype(np.float32)
    shape = [1] * made.q.ndim
    shape[axis] = -1
    q = np.where(coarse.reshape(shape), np.int8(0), made.q).astype(np.int8)
    steps = [float(np.float32(s) * np.float32(grid.scale)) for s in scale32]
    values = np.rint(made.bias.astype(np.float64) / (scale32.astype(np.float64) * grid.scale)).astype(dtype.numpy)
    for a in (q, values):
        a.setflags(write=False)
    scales, zeros = tuple(float(s) for s in scale32), (0,) * len(scale32)
    many = len(scale32) > 1
    return (
        replace(w, dtype=integer_type(made.bits), quant=Quant(scales, zeros, axis if many else 0), data=q.reshape(w.shape)),
        replace(bias, dtype=dtype, quant=Quant(tuple(steps), zeros, 0), data=values.reshape(bias.shape)),
    )
