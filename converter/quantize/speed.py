"""What widths cost in instructions: the kernels' own estimates for the shapes and the instruction set at hand.

Every variant says what it takes for a whole layer (:mod:`tinyml.variants`); a network's estimate is the sum over the kernels that
its operators choose. A layer's weights and the activations that it reads and writes are unpacked and packed apart from each other,
so that what widths add is nearly a sum too: one term per layer and width, one per group of activations and width, and one per
operator on several groups for leaving its kernel for 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinyml.ir import Graph, NodeView, Tensor
from tinyml.opspec import Geom, Lowering, load_ops
from tinyml.quantize.assemble import Refused, assemble
from tinyml.quantize.costs import Speed
from tinyml.quantize.grid import Grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.offers import Offers, coarser
from tinyml.quantize.quantise import Recipe
from tinyml.quantize.rounding import channel_scales, nearest
from tinyml.quantize.sequential import LayerWeights

PER_ELEMENT = 10.0  # of an output, of operators that have one kernel and no estimate of their own


def node_instructions(n: NodeView, isa: frozenset[str]) -> float:
    spec = load_ops()[n.node.op]
    if spec.view(n) is not None:
        return 0.0
    said: list[float] = []
    geoms = {t.id: Geom.dense(*t.stored) for t in (*n.inputs, *n.outputs) if t is not None}
    spec.lower(n, Lowering(geoms, isa, estimated=said.append))
    return said[-1] if said else PER_ELEMENT * n.y.elements


def graph_instructions(graph: Graph, isa: frozenset[str]) -> float:
    """Of one inference, each operator as a whole."""
    return sum(node_instructions(graph.view(n), isa) for n in graph.nodes)


def speed_of(eight: Recipe, offered: Offers, isa: frozenset[str]) -> Speed:
    """eight: the network at 8 bits; offered: the other widths that matter."""
    p = eight.prepared
    narrow = sorted({b for widths in offered.activations.values() for b in widths} | set(offered.weights))
    wide = _views(assemble(p.network, p.quantised, eight.grids, eight.weights).graph)
    base = {i: node_instructions(v, isa) for i, v in wide.items()}
    weights, activations = {}, dict[tuple[int, int], float]()
    alone = dict[int, dict[tuple[int, int], float]]()  # by operator: what one group's width alone adds
    for bits in narrow:
        if bits in offered.weights:
            rounded = {i: _rounded(p.graph.view(n), bits) for n in p.graph.nodes if (i := n.index) in p.layer_nodes}
            for i, v in _views(assemble(p.network, p.quantised, eight.grids, rounded).graph).items():
                if i in rounded:
                    weights[i, bits] = node_instructions(v, isa) - base[i]
        groups = {g for g, widths in offered.activations.items() if bits in widths}
        found = _packed(eight, {t: coarser(grid, bits) if p.tied[t] in groups else grid for t, grid in eight.grids.items()})
        for n in p.graph.nodes:
            if n.index in found:
                for g in groups & {p.tied.get(t, -1) for t in (*n.inputs, *n.outputs) if t is not None}:
                    v = _mixed(n, wide[n.index], found[n.index], {t for t, leader in p.tied.items() if leader == g})
                    alone.setdefault(n.index, {})[g, bits] = node_instructions(v, isa) - base[n.index]
    once = []
    for added in alone.values():
        touched = frozenset(g for g, _ in added)
        shared = max(0.0, min(added.values())) if len(touched) > 1 else 0.0
        if shared:
            once.append((touched, shared))
        for at, more in added.items():
            activations[at] = activations.get(at, 0.0) + more - shared
    return Speed(sum(base.values()), weights, activations, tuple(once))


def kinds_speed(eight: Recipe, isa: frozenset[str], float_price: float) -> dict[tuple[int, int], float]:
    """What every operator adds on int16 and in float32 to what it takes on int8, by `Node.index` and bits. Float kernels have no estimate
    of their own: float_price is of a multiply-accumulate or an output element, and they are not taken to be faster than int8's."""
    p = eight.prepared
    base = _views(assemble(p.network, p.quantised, eight.grids, eight.weights).graph)
    wide = _wide(eight)
    found = {}
    for n in p.graph.nodes:
        if n.index in p.quantised:
            now, view = node_instructions(base[n.index], isa), p.graph.view(n)
            work = float_price * max(load_ops()[n.op].macs(view), view.y.elements)
            if n.index in wide:
                found[n.index, 16] = node_instructions(wide[n.index], isa) - now
            found[n.index, 32] = max(work - now, 0.0)
    return found


def _wide(eight: Recipe) -> dict[int, NodeView]:
    """The operators that there are int16 kernels for, on int16."""
    p = eight.prepared
    wide = frozenset(n.index for n in p.graph.nodes if n.index in p.quantised and "int16" in load_ops()[n.op].dtypes)
    while wide:
        try:
            views = _views(assemble(p.network, p.quantised, eight.grids, eight.weights, wide=wide).graph)
            return {i: views[i] for i in wide}
        except Refused as why:
            if not why.nodes & wide:
                break
            wide -= why.nodes
    return {}


def _views(graph: Graph) -> dict[int, NodeView]:
    return {n.index: graph.view(n) for n in graph.nodes}


def _packed(eight: Recipe, grids: Mapping[int, Grid]) -> dict[int, NodeView]:
    try:
        return _views(assemble(eight.prepared.network, eight.prepared.quantised, grids, eight.weights).graph)
    except Refused:  # not all of them together
        return {}


def _mixed(float_node, wide: NodeView, narrow: NodeView, group: set[int]) -> NodeView:
    """The tensors of a group from `narrow`, the others from `wide`."""

    def pick(own: int | None, a: Tensor | None, b: Tensor | None) -> Tensor | None:
        return b if own in group else a

    inputs = tuple(map(pick, float_node.inputs, wide.inputs, narrow.inputs))
    outputs = tuple(map(pick, float_node.outputs, wide.outputs, narrow.outputs))
    source = narrow if float_node.outputs[0] in group else wide  # whose clamp is the output's
    return replace(source, inputs=inputs, outputs=outputs)


def _rounded(n: NodeView, bits: int) -> LayerWeights:
    """Weights to nearest: the kernels' estimates ask for shapes and sizes, not for the best rounding."""
    layer = load_layers()[n.node.op]
    _, w, bias = layer.tensors(n)
    assert w.data is not None and bias is not None and bias.data is not None
    matrix = layer.matrix(n, w.data)
    found = [nearest(m, channel_scales(m, bits, np.ones(m.shape[1], np.float32)), bits) for m in matrix]
    q = layer.weights_of(n, np.stack([r.q for r in found]))
    return LayerWeights(q, np.concatenate([r.scale for r in found]), bias.data.reshape(-1).astype(np.float32), bits)
