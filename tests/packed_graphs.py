"""Random networks with tensors of 8, 4 and 2 bits: those of random_graphs.py, narrowed wherever the operators allow it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from packed_layers import INT, WEIGHTED
from tinyml.ir import DType, Graph, Quant, Tensor
from tinyml.numerics import RANGE
from tinyml.opspec import Malformed, Reject, load_ops

SAME = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE")  # the output keeps the input's type


def _narrow(t: Tensor, bits: int) -> Tensor:
    """The same range of real values in fewer steps."""
    assert t.quant is not None
    low, high = RANGE[INT[bits]]
    step = 1 << (8 - bits)
    scale = tuple(float(np.float32(s * step)) for s in t.quant.scale)
    if t.data is not None:
        data = np.clip(np.round(t.data / step), low + 1, high).astype(np.int8)
        return replace(t, dtype=INT[bits], quant=replace(t.quant, scale=scale), data=data)
    zero = int(np.clip(low + round((t.zero_point + 128) / step), low, high))
    return replace(t, dtype=INT[bits], quant=Quant(scale, (zero,)))


def _with(graph: Graph, changed: dict[int, Tensor]) -> Graph | None:
    """With these tensors, and clamps of the operators that write them; None where an operator does not take them."""
    tensors = {**graph.tensors, **changed}
    nodes = []
    for n in graph.nodes:
        clamp = getattr(n.attrs, "clamp", None)
        y = tensors[n.outputs[0]]
        if n.outputs[0] in changed and clamp is not None:
            low, high = RANGE[y.dtype]
            n = replace(n, attrs=replace(n.attrs, clamp=(low if clamp[0] == -128 else max(low, y.zero_point), high)))
        nodes.append(n)
    out = graph.with_(tensors=tensors, nodes=tuple(nodes))
    for n in out.nodes:
        if changed.keys() & {*n.inputs, *n.outputs}:
            try:
                load_ops()[n.op].infer(out.view(n))
            except (Reject, Malformed):
                return None
    return out


def _follow(graph: Graph, t: int) -> set[int]:
    """t and what has to have its type: outputs of pools and RESHAPE, and their inputs."""
    found, todo = set(), [t]
    while todo:
        t = todo.pop()
        if t in found:
            continue
        found.add(t)
        todo += [graph.nodes[k].outputs[0] for k in graph.consumers.get(t, ()) if graph.nodes[k].op in SAME]
        if t in graph.producer and graph.nodes[graph.producer[t]].op in SAME:
            todo += [graph.nodes[graph.producer[t]].inputs[0]]
    return found


def narrowed(graph: Graph, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    edges = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        w = graph.tensors.get(node.inputs[1]) if node.op in WEIGHTED and len(node.inputs) > 1 else None
        if w is not None and w.dtype is DType.INT8 and w.is_const and (bits := int(rng.choice([8, 4, 4, 2]))) < 8:
            graph = _with(graph, {w.id: _narrow(w, bits)}) or graph
    for node in graph.nodes:
        t = graph.tensors[node.outputs[0]]
        bits = int(rng.choice([8, 4, 4, 2]))
        if t.dtype is not DType.INT8 or bits == 8:
            continue
        for group in ({t.id}, _follow(graph, t.id)):
            if group & edges or any(graph.tensors[m].dtype is not DType.INT8 for m in group):
                continue
            found = _with(graph, {m: _narrow(graph.tensors[m], bits) for m in group})
            if found is not None:
                graph = found
                break
    return graph
