"""Which values each activation takes, which activations must share a range, and the grid of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyml.ir import DType, Graph, Node
from tinyml.opspec import FixedRange, TiedRange, load_ops
from tinyml.quantize.batch import Tape
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Grid, Histogram, best_grid, exact_grid
from tinyml.quantize.layers import load_layers

BATCH = 128


def quantised_nodes(graph: Graph, refused: frozenset[int] = frozenset(), dtype: str = "int8") -> frozenset[int]:
    """`Node.index` of the operators that are computed on integers, which have kernels for `dtype`; the others stay islands of
    float32. refused: found not to work."""
    specs = load_ops()

    def can(n: Node) -> bool:
        view = graph.view(n)
        values = [t for t in (*view.inputs, *view.outputs) if t is not None and not t.is_const]
        layer = load_layers().get(n.op)
        constant = layer is None or layer.tensors(view)[1].is_const
        return constant and dtype in specs[n.op].dtypes and all(t.dtype is DType.FLOAT32 for t in values)

    return frozenset(n.index for n in graph.nodes if n.index not in refused and can(n))


def tied_tensors(graph: Graph, quantised: frozenset[int]) -> dict[int, int]:
    """Activation of a quantised operator -> the first of the tensors that share its range."""
    leader: dict[int, int] = {}

    def find(t: int) -> int:
        while leader.setdefault(t, t) != t:
            t = leader[t]
        return t

    specs, layers = load_ops(), load_layers()
    for node in graph.nodes:
        if node.index not in quantised:
            continue
        values = [t for t in node.inputs if t is not None and graph.tensors[t].dtype is DType.FLOAT32]
        if node.op in layers:
            values = [t for t in values if not graph.tensors[t].is_const]
        for t in (*values, *node.outputs):
            find(t)
        if isinstance(specs[node.op].int8_output, TiedRange):
            for t in (*values[1:], *node.outputs):
                a, b = sorted((find(values[0]), find(t)))
                leader[b] = a
    return {t: find(t) for t in leader}


def observe(graph: Graph, data: Calibration, wanted: Mapping[int, int]) -> dict[int, Histogram]:
    """Histogram of each group of tensors over all samples, by the group's leader. wanted: tensor -> leader."""
    found: dict[int, Histogram] = {}

    def note(t: int, x: np.ndarray) -> np.ndarray:
        if t in wanted:
            h = Histogram.of(x)
            found[wanted[t]] = found[wanted[t]].merged(h) if wanted[t] in found else h
        return x

    for k in range(0, len(data), BATCH):
        tape = Tape(graph, [note(t, x[k : k + BATCH]) for t, x in zip(graph.inputs, data.inputs, strict=True)])
        for node in graph.nodes:
            tape.step(node, note)
    for t in wanted:
        constant = graph.tensors[t].data
        if constant is not None:
            note(t, constant)
    return found


def fixed_ranges(graph: Graph, quantised: frozenset[int], tied: Mapping[int, int], wide: bool = False) -> dict[int, Grid]:
    """Groups whose range an operator prescribes, by their leader. wide: for outputs of int16."""
    found = {}
    for node in graph.nodes:
        spec = load_ops()[node.op]
        rule = spec.fixed_outputs.get(DType.INT16) if wide else spec.int8_output
        if node.index in quantised and isinstance(rule, FixedRange):
            for t in node.outputs:
                found.setdefault(tied[t], Grid(float(np.float32(rule.scale)), rule.zero_point, 16 if wide else 8))
    return found


def choose_grids(
    graph: Graph, tied: Mapping[int, int], seen: Mapping[int, Histogram], fixed: Mapping[int, Grid], bits: Mapping[int, int]
) -> dict[int, Grid]:
    """The grid of every tensor in `tied`. bits: width of a group by its leader, 8 where it is missing."""
    leaders: dict[int, Grid] = {}
    for leader in dict.fromkeys(tied.values()):
        width = bits.get(leader, 8)
        exact = exact_grid(seen[leader]) if leader in graph.inputs and width == 8 else None
        leaders[leader] = fixed.get(leader) or exact or best_grid(seen[leader], width)
    return {t: leaders[leader] for t, leader in tied.items()}
