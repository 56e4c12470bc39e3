"""Which kernels a network does without: a kernel's code is in the flash once, however many operators use it.

`variants.cheapest` chooses for one operator. Here all of them are looked at together: a kernel that few operators use stays out where
what it saves them is worth less than its code, at the goal's price of a byte, and constants are packed only where that saves the network
a share of its weights (`Prices.packing`). The RAM goal chooses by scratch and is left alone.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from tinyml.ir import Graph, NodeView, hwc
from tinyml.opspec import Geom, Lowering, load_ops
from tinyml.plan.model import Target
from tinyml.variants import PRICES, Prices, cost, load_variants, table_bytes

PORTABLE_BYTES = 450  # of code: what a kernel has for which no variant tells


@dataclass(frozen=True)
class _Way:
    """One way to compute an operator: the kernels and parts of kernels it needs, and what it costs without their code."""

    kernels: frozenset[str]
    cost: float
    weights: int  # bytes of tables


@dataclass(frozen=True)
class _Choice:
    """What a whole network does without, and what that makes of it."""

    without: frozenset[str]
    ways: tuple[_Way, ...]  # one for each operator

    @property
    def weights(self) -> int:
        return sum(w.weights for w in self.ways)


def economical(graph: Graph, target: Target) -> Target:
    """The target without the kernels that cost the network's operators, each run as a whole, more flash than they are worth."""
    prices = PRICES[target.optimize]
    if prices.code == 0 or target.optimize == "ram":
        return target
    variants = [v for found in load_variants().values() for v in found]
    kernels = frozenset(f"tm_{v.name}" for v in variants)
    code = {f"tm_{v.name}": v.code_bytes or PORTABLE_BYTES for v in variants} | {part: size for v in variants for part, size in v.parts}
    packed = _choose(graph, target, prices, kernels, code)
    unpackers = frozenset(v.unpacks for v in variants if v.unpacks)
    if prices.packing and unpackers & {f for way in packed.ways for f in way.kernels}:
        plain = _choose(graph, replace(target, without=target.without | unpackers), prices, kernels, code)
        if packed.weights > (1 - prices.packing) * plain.weights:
            return replace(target, without=plain.without)
    return replace(target, without=packed.without)


def _choose(graph: Graph, target: Target, prices: Prices, kernels: frozenset[str], code: dict[str, int]) -> _Choice:
    """Does without one kernel after the other, as long as that pays."""
    ways = [_ways(graph.view(node), target, prices, kernels, code.keys()) for node in graph.nodes]
    without = target.without
    total, used = _total(ways, without, code, prices)
    while True:
        trials = [(*_total(ways, without | {k}, code, prices), k) for k in sorted(used & kernels)]
        best = min(trials, key=lambda t: t[0], default=None)
        if best is None or best[0] >= total:
            return _Choice(without, _chosen(ways, without))
        total, used, without = best[0], best[1], without | {best[2]}


def _ways(view: NodeView, target: Target, prices: Prices, variants: frozenset[str], sized: Set[str]) -> tuple[_Way, ...]:
    """From the cheapest on, each the best one without the variants of those before it; the last one needs none."""
    geoms = {t.id: Geom.dense(*hwc(t.shape)) for t in (*view.inputs, *view.outputs) if t is not None}
    without, out = target.without, []
    while True:
        taken = [0.0]
        low = Lowering(geoms, target.isa, target.optimize, 1, target.scratch_bytes, without, taken.append)
        calls = load_ops()[view.node.op].lower(view, low)
        kernels = frozenset(k for c in calls for k in (c.func, *c.uses))
        parts = frozenset(part for c in calls for part, needed in c.parts if needed) & sized
        out.append(_Way(kernels | parts, cost(calls, taken[-1], prices), table_bytes(calls, "weights")))
        if not kernels & variants:
            return tuple(out)
        without |= kernels & variants


def _chosen(ways: list[tuple[_Way, ...]], without: frozenset[str]) -> tuple[_Way, ...]:
    return tuple(next((w for w in each if not w.kernels & without), each[-1]) for each in ways)


def _total(ways: list[tuple[_Way, ...]], without: frozenset[str], code: dict[str, int], prices: Prices) -> tuple[float, frozenset[str]]:
    """What all operators cost with the code of what they use, and what that is."""
    chosen = _chosen(ways, without)
    used = frozenset(k for w in chosen for k in w.kernels)
    return sum(w.cost for w in chosen) + prices.code * sum(code.get(k, PORTABLE_BYTES) for k in used), used
