"""Runs a float graph on many samples at once, in numpy.

The layers with weights, where all the time goes, are one matrix product per batch; every other operator is its own reference,
sample by sample. So the tool needs neither TensorFlow nor LiteRT to quantise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tinyml.ir import Graph, Node, NodeView
from tinyml.opspec import load_ops
from tinyml.quantize.layers import load_layers

CHUNK_ELEMENTS = 1 << 20  # of the matrix of products that is formed at a time: as much as a cache holds

After = Callable[[int, np.ndarray], np.ndarray]  # (tensor id, values) -> values as the next operators see them


def run_node(n: NodeView, arrays: Sequence[np.ndarray | None]) -> tuple[np.ndarray, ...]:
    """Outputs [N,*shape] for activations [N,*shape]; constants are given without the batch axis."""
    layer = load_layers().get(n.node.op)
    if layer is not None:
        x, w = arrays[layer.x], arrays[layer.weights]
        bias = arrays[layer.bias] if len(arrays) > layer.bias else None
        assert x is not None and w is not None
        per_sample = n.y.elements * int(np.prod(w.shape)) // max(1, n.y.shape[-1])
        step = max(1, CHUNK_ELEMENTS // max(1, per_sample))
        y = np.concatenate([layer.run(n, x[k : k + step], w, bias) for k in range(0, len(x), step)])
        lo, hi = n.attrs.clamp
        return (np.clip(y, lo, hi, out=y).astype(np.float32, copy=False),)
    spec = load_ops()[n.node.op]
    given = [(a, t is not None and t.is_const) for a, t in zip(arrays, n.inputs, strict=True)]
    count = max(len(a) for a, const in given if a is not None and not const)
    rows = [spec.reference(n, tuple(a if const or a is None else a[k] for a, const in given)) for k in range(count)]
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


class Tape:
    """Values of a graph's tensors while it is run node by node; what nothing reads any more is dropped.

    constants: in place of the graph's own, by tensor id. keep: tensors that stay."""

    def __init__(
        self, graph: Graph, inputs: Sequence[np.ndarray], constants: Mapping[int, np.ndarray] | None = None, keep: Iterable[int] = ()
    ):
        self.graph, self._constants, self._keep = graph, dict(constants or {}), {*keep, *graph.outputs}
        self.values: dict[int, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
        self._readers = {t: len(ks) for t, ks in graph.consumers.items()}

    def set_constant(self, tensor: int, value: np.ndarray) -> None:
        self._constants[tensor] = value

    def operands(self, node: Node) -> list[np.ndarray | None]:
        def value(t: int | None) -> np.ndarray | None:
            if t is None or t in self.values:
                return None if t is None else self.values[t]
            return self._constants.get(t, self.graph.tensors[t].data)

        return [value(t) for t in node.inputs]

    def step(self, node: Node, after: After | None = None) -> None:
        outputs = run_node(self.graph.view(node), self.operands(node))
        for t, y in zip(node.outputs, outputs, strict=True):
            self.values[t] = y if after is None else after(t, y)
        for t in {t for t in node.inputs if t is not None}:
            self._readers[t] -= 1
            if not self._readers[t] and t not in self._keep:
                self.values.pop(t, None)


def evaluate(
    graph: Graph, inputs: Sequence[np.ndarray], constants: Mapping[int, np.ndarray] | None = None, after: After | None = None,
    wanted: Sequence[int] | None = None, batch: int = 64,
) -> list[np.ndarray]:  # fmt: skip
    """Values [N,*shape] of the tensors `wanted` (default: the outputs), `batch` samples at a time."""
    wanted = graph.outputs if wanted is None else wanted
    parts: list[list[np.ndarray]] = []
    for k in range(0, len(inputs[0]), batch):
        chunk = [x[k : k + batch] for x in inputs]
        if after is not None:
            chunk = [after(t, x) for t, x in zip(graph.inputs, chunk, strict=True)]
        tape = Tape(graph, chunk, constants, wanted)
        for node in graph.nodes:
            tape.step(node, after)
        parts.append([tape.values[t] for t in wanted])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
