"""Which kernels a network does without: a kernel's code is in the flash once, however many operators use it.

`variants.cheapest` chooses for one operator. Here all of them are looked at together: a kernel, or a part of one, that few operators
use stays out where what it saves them is worth less than its code, at the goal's price of a byte, and constants are packed only where
that saves the network a share of its weights (`Prices.packing`). Where the rest is still more than a goal has room for, what saves
least for its bytes goes first. The RAM goal chooses by scratch and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from tinyml.ir import Graph, NodeView, hwc
from tinyml.opspec import Geom, KernelCall, Lowering, load_ops
from tinyml.plan.model import Target
from tinyml.variants import PRICES, Prices, cost, load_variants, needs, table_bytes, tables_of

PORTABLE_BYTES = 450  # of code: what a kernel has for which no variant tells
CALLER_BYTES = 90  # of what calls a kernel, once for all steps that do

# Code flash that a firmware is to keep to, weights aside, and what of it is neither a kernel's nor a look-up table's: runner,
# protocol, port and start-up, and what a step has as data.
ROOM = {"balanced": 24_000}
FIRMWARE_BYTES = 8_800
STEP_BYTES = 30
MOST_TIME = 1.08  # times the estimate of the kernels that were chosen by price: what the room may cost


@dataclass(frozen=True)
class _Way:
    """One way to compute an operator: the kernels and parts of kernels it needs, what it costs without their code, its look-up
    tables, of which the flash has one of each, and the bytes of its weights."""

    kernels: frozenset[str]
    cost: float
    tables: frozenset[bytes]
    weights: int


@dataclass(frozen=True)
class _Choice:
    """What a network does without; what all its operators cost, without the code of what they use; what that is; and its bytes, with
    those of look-up tables, and with those of weights, too."""

    without: frozenset[str]
    cost: float
    used: frozenset[str]
    code: int
    flash: int

    @property
    def weights(self) -> int:
        return self.flash - self.code


def economical(graph: Graph, target: Target) -> Target:
    """The target without the kernels, and the parts of kernels, that cost the network's operators, each run as a whole, more flash
    than they are worth, or that there is no room for."""
    prices = PRICES[target.optimize]
    if prices.code == 0 or target.optimize == "ram":
        return target
    variants = [v for found in load_variants().values() for v in found]
    code = {f"tm_{v.name}": (v.code_bytes or PORTABLE_BYTES) + CALLER_BYTES for v in variants}
    code |= {part: size for v in variants for part, size in v.parts}
    packed = _choose(graph, target, prices, code)
    unpackers = frozenset(v.unpacks for v in variants if v.unpacks)
    if prices.packing and unpackers & packed.used:
        plain = _choose(graph, replace(target, without=target.without | unpackers), prices, code)
        if packed.weights > (1 - prices.packing) * plain.weights:
            return replace(target, without=plain.without)
    return replace(target, without=packed.without)


def _choose(graph: Graph, target: Target, prices: Prices, code: Mapping[str, int]) -> _Choice:
    """Does without one kernel or part after the other, as long as that pays, then as long as there is no room for the rest."""
    ways = [_ways(graph.view(node), target, prices, code.keys()) for node in graph.nodes]
    best = _choice(ways, target.without, code)

    def price(c: _Choice) -> float:
        return c.cost + prices.code * c.code

    while trials := _trials(ways, best, code):
        found = min(trials, key=price)
        if price(found) >= price(best):  # what serves instead may be two kernels, of which one is enough
            found = min((second for first in trials for second in _trials(ways, first, code)), key=price, default=best)
        if price(found) >= price(best):
            break
        best = found
    room = ROOM.get(target.optimize, 0) - FIRMWARE_BYTES - STEP_BYTES * len(graph.nodes)
    most = MOST_TIME * best.cost
    while 0 < room < best.code:
        trials = [t for t in _trials(ways, best, code) if t.cost <= most and t.code < best.code and t.flash < best.flash]
        if not trials:
            break
        best = min(trials, key=lambda t, b=best: (t.cost - b.cost) / (b.code - t.code))
    if 0 < room < best.code + min((code[k] for k in _joining()), default=0):
        best = replace(best, without=best.without | _joining())
    return best


def with_joins(target: Target) -> Target:
    """The target with the kernels of joined operators, whatever room they take."""
    return replace(target, without=target.without - _joining())


def _joining() -> frozenset[str]:
    """The kernels of operators that stand for two of the network's (OpSpec.join): for the sake of RAM alone."""
    return frozenset(f"tm_{v.name}" for name, spec in load_ops().items() if spec.join for v in load_variants().get(name, ()))


def estimated(graph: Graph, target: Target) -> float:
    """Instructions of the operators, each run as a whole, as far as their kernels tell."""
    return sum(_lowered(graph.view(node), target, target.without)[1] for node in graph.nodes)


def _lowered(view: NodeView, target: Target, without: frozenset[str]) -> tuple[tuple[KernelCall, ...], float]:
    """The calls of an operator that runs as a whole, and the instructions that its kernel is expected to take."""
    geoms, taken = {t.id: Geom.dense(*hwc(t.shape)) for t in (*view.inputs, *view.outputs) if t is not None}, [0.0]
    low = Lowering(geoms, target.isa, target.optimize, 1, target.scratch_bytes, without, taken.append)
    return load_ops()[view.node.op].lower(view, low), taken[-1]


def _ways(view: NodeView, target: Target, prices: Prices, removable: Set[str]) -> list[_Way]:
    """From the cheapest on: the best ones without the parts, or the kernels, of the others; the last one needs none."""
    found: dict[frozenset[str], _Way] = {}
    todo = [target.without]
    while todo:
        without = todo.pop()
        calls, taken = _lowered(view, target, without)
        used = needs(calls)
        kernels = frozenset(k for c in calls for k in (c.func, *c.uses))
        known = kernels | (used & removable)
        way = _Way(
            known,
            cost(calls, taken, prices),
            frozenset(t.data.tobytes() for t in tables_of(calls, "table")),
            table_bytes(calls, "weights"),
        )
        if known in found and found[known].cost <= way.cost:
            continue
        found[known] = way
        todo += [without | {part} for part in sorted((used - kernels) & removable)]
        if kernels & removable:
            todo.append(without | (kernels & removable))
    return sorted(found.values(), key=lambda w: w.cost)


def _trials(ways: list[list[_Way]], best: _Choice, code: Mapping[str, int]) -> list[_Choice]:
    """What becomes of it with one kernel or part less, for each that is used."""
    return [_choice(ways, best.without | {k}, code) for k in sorted(best.used & code.keys())]


def _choice(ways: list[list[_Way]], without: frozenset[str], code: Mapping[str, int]) -> _Choice:
    chosen = [next((w for w in each if not w.kernels & without), each[-1]) for each in ways]
    used = frozenset(k for w in chosen for k in w.kernels)
    tables = frozenset[bytes]().union(*(w.tables for w in chosen))
    size = sum(map(len, tables)) + sum(code.get(k, PORTABLE_BYTES + CALLER_BYTES) for k in used)
    return _Choice(without, sum(w.cost for w in chosen), used, size, size + sum(w.weights for w in chosen))
