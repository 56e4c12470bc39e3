"""Which operators need more than int8: activations of 16 bits, or float32, where the network's output would suffer too much.

Per operator one of three kinds: int8, int16 (with int8 weights), float32. What lies between operators of one kind has that kind; at
a change of kind it is converted, so it is as coarse as its coarsest neighbour. The error of a group of activations at 8 and 16 bits
and of a layer's weights at 8 bits is measured alone, as :mod:`tinyml.quantize.sensitivity` does it, and an integer programme, solved
exactly, finds the cheapest kinds whose errors add up to no more than is tolerated, within bytes of weights (4 per float32 weight)
and bytes of activations alive at every operator. Ours; the one assumption is that errors add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tinyml.errors import UsageError
from tinyml.ir import Node
from tinyml.opspec import load_ops
from tinyml.quantize.batch import evaluate
from tinyml.quantize.costs import packed_bytes
from tinyml.quantize.grid import Grid, best_grid, exact_grid
from tinyml.quantize.layers import load_layers
from tinyml.quantize.quantise import Prepared
from tinyml.quantize.sensitivity import SAMPLES, narrow_weights

EIGHT, SIXTEEN, FLOAT = KINDS = (8, 16, 32)
# instructions per multiply-accumulate or output element, about, of the kernels on a core without a float unit
PRICE = {EIGHT: 1.0, SIXTEEN: 3.0, FLOAT: 20.0}


@dataclass(frozen=True, eq=False)
class Losses:
    """Errors of the output over its variance: by (leader of a group, bits of its activations); of a layer's 8-bit weights."""

    activations: Mapping[tuple[int, int], float]
    weights: Mapping[int, float]


@dataclass(frozen=True)
class Room:
    """Most of each; None for any amount. peak_bytes: of activations alive together, operator by operator."""

    weight_bytes: int | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Kinds:
    """Operators on int16 and in float32, by `Node.index`; the others are on int8. error: predicted."""

    wide: frozenset[int]
    float32: frozenset[int]
    error: float


def losses(p: Prepared, seed: int, progress: Callable[[str], None] = lambda text: None) -> Losses:
    """What each group of activations and each layer's weights costs the output alone."""
    graph = p.graph
    few = p.data.take(np.linspace(0, len(p.data) - 1, min(SAMPLES, len(p.data))).astype(int))
    exact = evaluate(graph, few.inputs)[0]
    variance = max(float(exact.var()), 1e-12)

    def error(constants: Mapping[int, np.ndarray], grids: Mapping[int, Grid]) -> float:
        got = evaluate(graph, few.inputs, constants, lambda t, x: grids[t].fake(x) if t in grids else x)[0]
        return float(np.square(got - exact).mean()) / variance

    activations = {}
    groups = list(dict.fromkeys(p.tied.values()))
    for k, g in enumerate(groups):
        progress(f"measuring int8 and int16 activations ({k + 1} of {len(groups)})")
        eight = p.fixed.get(g) or (exact_grid(p.seen[g]) if g in graph.inputs else None) or best_grid(p.seen[g], EIGHT)
        for bits, grid in ((EIGHT, eight), (SIXTEEN, best_grid(p.seen[g], SIXTEEN))):
            activations[g, bits] = error({}, {t: grid for t, leader in p.tied.items() if leader == g})
    progress("measuring int8 weights")
    weights = {at: error(constants, {}) for at, _, constants in narrow_weights(graph, p.layer_nodes, (EIGHT,), p.data, seed)}
    return Losses(activations, weights)


def cheapest_kinds(p: Prepared, lost: Losses, tolerance: float, room: Room, float_io: bool = False) -> Kinds | None:
    """The cheapest kinds whose predicted error is at most `tolerance`; None where there are none within the room. float_io: as for
    assemble."""
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
    except ImportError:
        raise UsageError("scipy", "is not installed, and the search for kinds needs it", "run: pip install 'tinyml[search]'") from None
    graph, nodes = p.graph, [n for n in p.graph.nodes if n.index in p.quantised]
    groups = list(dict.fromkeys(p.tied.values()))
    k_at = {(n.index, kind): at for at, (n, kind) in enumerate((n, kind) for n in nodes for kind in KINDS)}
    z_at = {(g, bits): len(k_at) + at for at, (g, bits) in enumerate((g, bits) for g in groups for bits in KINDS)}
    count = len(k_at) + len(z_at)
    least, most, goal = np.zeros(count), np.ones(count), np.zeros(count)
    rows: list[tuple[dict[int, float], float, float]] = []
    errors: dict[int, float] = {z_at[key]: e for key, e in lost.activations.items()}
    sizes: dict[int, float] = {}
    for n in nodes:
        ks = {kind: k_at[n.index, kind] for kind in KINDS}
        rows.append(({at: 1.0 for at in ks.values()}, 1.0, 1.0))
        if "int16" not in load_ops()[n.op].dtypes:
            most[ks[SIXTEEN]] = 0
        for kind in KINDS:
            goal[ks[kind]] = PRICE[kind] * _work(p, n)
        if n.index in lost.weights:
            bytes_ = _weights(p, n)
            errors.update({ks[kind]: lost.weights[n.index] for kind in (EIGHT, SIXTEEN)})
            sizes.update({ks[EIGHT]: bytes_, ks[SIXTEEN]: bytes_, ks[FLOAT]: 4.0 * bytes_})
        for g in {p.tied[t] for t in (*n.inputs, *n.outputs) if t in p.tied}:
            # a group has the error of its coarsest neighbour and the bytes of the widest
            for kind in KINDS:
                row = {z_at[g, kind]: 1.0, ks[kind]: -1.0}
                if kind == SIXTEEN:
                    row[z_at[g, EIGHT]] = 1.0
                rows.append((row, 0.0, np.inf))
    for t in () if float_io else (*graph.inputs, *graph.outputs):
        if t in p.tied:
            least[z_at[p.tied[t], EIGHT]] = 1
    rows.append((errors, -np.inf, tolerance))
    if room.weight_bytes is not None:
        rows.append((sizes, -np.inf, float(room.weight_bytes)))
    if room.peak_bytes is not None:
        rows += [(_alive(p, k, z_at), -np.inf, float(room.peak_bytes)) for k in range(len(graph.nodes))]
    matrix = np.zeros((len(rows), count))
    for k, (coefficients, _, _) in enumerate(rows):
        for at, value in coefficients.items():
            matrix[k, at] = value
    integral = np.concatenate([np.ones(len(k_at)), np.zeros(len(z_at))])
    limits = LinearConstraint(matrix, [r[1] for r in rows], [r[2] for r in rows])
    done = milp(
        goal / max(goal.max(), 1.0), constraints=limits, integrality=integral, bounds=Bounds(least, most), options={"mip_rel_gap": 0.0}
    )
    if done.x is None:
        return None
    chosen = {n.index: next(kind for kind in KINDS if done.x[k_at[n.index, kind]] > 0.5) for n in nodes}
    wide, floats = (frozenset(i for i, kind in chosen.items() if kind == wanted) for wanted in (SIXTEEN, FLOAT))
    return Kinds(wide, floats, float(sum(done.x[at] * e for at, e in errors.items())))


def _work(p: Prepared, n: Node) -> float:
    view = p.graph.view(n)
    return float(max(load_ops()[n.op].macs(view), view.y.elements))


def _weights(p: Prepared, n: Node) -> float:
    return float(load_layers()[n.op].tensors(p.graph.view(n))[1].elements)


def _alive(p: Prepared, k: int, z_at: Mapping[tuple[int, int], int]) -> dict[int, float]:
    """Bytes of what operator k finds or makes, by the kinds of the groups: of one that is wanted in several kinds, each."""
    graph, out = p.graph, {}
    last = {t: max((*graph.consumers.get(t, ()), len(graph.nodes) if t in graph.outputs else -1)) for t in graph.tensors}
    for t, g in p.tied.items():
        if not graph.tensors[t].is_const and graph.producer.get(t, -1) <= k <= last[t]:
            for kind in KINDS:
                at = z_at[g, kind]
                out[at] = out.get(at, 0.0) + packed_bytes(((1, graph.tensors[t].elements),), kind)
    return out
