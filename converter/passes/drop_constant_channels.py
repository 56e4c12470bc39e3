"""Removes channels that hold the same value for every input, and what computes them.

Intervals are followed through the network: where the least and the greatest accumulator of an output channel requantise to
the same value, the channel is constant (a ReLU that never opens, a scale next to 0). Its value goes into the biases of
the layers that read it. Where a padded window reads it, that is exact only if the constant is the zero point which
padding holds, so other channels stay. Depthwise layers and pools lose a channel together with their reader.
Channels are removed in fours, as kernels read them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir import DType, Graph, Node
from tinyml.opspec import ChannelRules, load_ops

MULTIPLE = 4

Interval = tuple[np.ndarray, np.ndarray]


def drop_constant_channels(graph: Graph) -> Graph:
    rules = _rules(graph)
    intervals = _intervals(graph, rules)
    drop = _removable(graph, rules, intervals)
    return _rewritten(graph, rules, intervals, drop) if drop else graph


def _rules(graph: Graph) -> dict[int, ChannelRules]:
    """By node position; int8 only."""
    specs = load_ops()
    out = {}
    for k, node in enumerate(graph.nodes):
        n = graph.view(node)
        if len(n.outputs) == 1 and n.inputs and n.inputs[0] is not None and n.x.dtype is DType.INT8 and n.y.dtype is DType.INT8:
            found = specs[node.op].channels(n)
            if found is not None and not n.x.is_const:
                out[k] = found
    return out


def _intervals(graph: Graph, rules: dict[int, ChannelRules]) -> dict[int, Interval]:
    out: dict[int, Interval] = {}

    def of(t: int) -> Interval:
        if t not in out:
            c = graph.tensors[t].shape[-1]
            out[t] = np.full(c, -128, np.int64), np.full(c, 127, np.int64)
        return out[t]

    for k, node in enumerate(graph.nodes):
        if k in rules:
            out[node.outputs[0]] = rules[k].bounds(graph.view(node), *of(node.inputs[0]))  # type: ignore[arg-type]
    return out


def _removable(graph: Graph, rules: dict[int, ChannelRules], intervals: dict[int, Interval]) -> dict[int, np.ndarray]:
    """tensor -> bool [C], True where the channel goes; tensors that lose nothing are left out."""
    drop = {graph.nodes[k].outputs[0]: intervals[graph.nodes[k].outputs[0]] for k in rules}
    drop = {t: lo == hi for t, (lo, hi) in drop.items() if t not in graph.outputs and graph.consumers.get(t)}
    before = -1
    while before != (now := sum(int(d.sum()) for d in drop.values())):
        before = now
        for t in drop:
            for k in graph.consumers[t]:
                drop[t] &= _taken_by(graph, rules, intervals, drop, k, t)
            spare = int((~drop[t]).sum())
            wanted = max(MULTIPLE, -(-spare // MULTIPLE) * MULTIPLE)
            drop[t][np.flatnonzero(drop[t])[: wanted - spare]] = False
        for k, r in rules.items():  # a per-channel operator's output keeps what its input keeps
            out, src = graph.nodes[k].outputs[0], graph.nodes[k].inputs[0]
            if r.per_channel and out in drop:
                drop[out] &= drop[src] if src in drop else False
    return {t: d for t, d in drop.items() if d.any()}


def _taken_by(
    graph: Graph, rules: dict[int, ChannelRules], intervals: dict[int, Interval], drop: dict[int, np.ndarray], k: int, t: int
) -> np.ndarray | bool:
    """Which channels of tensor t node k can do without."""
    node = graph.nodes[k]
    if k not in rules or node.inputs.index(t) != 0 or node.inputs.count(t) != 1:
        return False
    if rules[k].per_channel:
        return drop.get(node.outputs[0], np.zeros(1, bool))
    return rules[k].foldable(graph.view(node), intervals[t][0])


def _rewritten(graph: Graph, rules: dict[int, ChannelRules], intervals: dict[int, Interval], drop: dict[int, np.ndarray]) -> Graph:
    tensors, nodes = dict(graph.tensors), []
    fresh = graph.fresh_id()

    def add(t: object) -> int:
        nonlocal fresh
        tensors[fresh] = replace(t, id=fresh)  # type: ignore[type-var]
        fresh += 1
        return fresh - 1

    renamed: dict[int, int] = {}
    for t, d in drop.items():
        old = graph.tensors[t]
        renamed[t] = add(replace(old, shape=(*old.shape[:-1], int((~d).sum()))))
    for k, node in enumerate(graph.nodes):
        new: Node = node
        if k in rules:
            src, out = node.inputs[0], node.outputs[0]
            if src in drop and not rules[k].per_channel:
                without = rules[k].without_inputs
                assert without is not None and src is not None
                new = _operands(new, without(graph.view(node), ~drop[src], intervals[src][0]), add)
            if out in drop:
                view = graph.view(node)
                view = replace(view, inputs=tuple(None if t is None else tensors[t] for t in new.inputs))
                attrs, operands = rules[k].without_outputs(view, ~drop[out])
                new = replace(_operands(new, operands, add), attrs=attrs)
        ins = tuple(renamed.get(t, t) if t is not None else None for t in new.inputs)
        nodes.append(replace(new, inputs=ins, outputs=tuple(renamed.get(t, t) for t in new.outputs)))
    return graph.with_(tensors=tensors, nodes=tuple(nodes))


def _operands(node: Node, changed: dict[int, object], add: object) -> Node:
    ins = list(node.inputs)
    for position, tensor in changed.items():
        ins[position] = add(tensor)  # type: ignore[operator]
    return replace(node, inputs=tuple(ins))
