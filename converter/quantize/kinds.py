"""Which operators are int8 or narrower, int16, or float32, and at which widths: one integer programme.

Per operator one of three kinds: integers of at most 8 bits, int16 (with int8 weights), float32. What lies between operators of one kind
has that kind; at a change of kind it is converted, so it is as coarse as its coarsest neighbour. Weights of an operator of the first kind
may have fewer than 8 bits; so may activations that only such operators touch. Chosen is the least work whose errors
(:class:`tinyml.quantize.relief.Losses`) add up to no more than is tolerated, within bytes of weights (4 per float32 weight), bytes of
activations alive at every operator, bit operations and instructions; of equal work, the least error. Ours; the one assumption is that
errors add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinyml.ir import Node
from tinyml.opspec import load_ops
from tinyml.quantize.costs import Costs, extent, is_view, packed_bytes
from tinyml.quantize.programme import Programme
from tinyml.quantize.quantise import EIGHT as EVERYWHERE
from tinyml.quantize.quantise import Prepared
from tinyml.quantize.relief import EIGHT, SIXTEEN, Losses
from tinyml.quantize.search import Budget, narrow_instructions

FLOAT = 32
KINDS = (EIGHT, SIXTEEN, FLOAT)
# instructions per multiply-accumulate or output element, about, of the kernels on a core without a float unit
PRICE = {EIGHT: 1.0, SIXTEEN: 3.0, FLOAT: 20.0}
SAME = 1 + 1e-6  # prices that differ by less are equal


@dataclass(frozen=True)
class Kinds:
    """Operators on int16 and in float32, by `Node.index`; the others are on int8 or less. error: predicted; price: work, in
    instructions of int8 kernels, about. weights: bits of layers that have fewer than 8, by `Node.index`; activations: of groups."""

    wide: frozenset[int]
    float32: frozenset[int]
    error: float
    price: float
    weights: Mapping[int, int] = field(default_factory=dict)
    activations: Mapping[int, int] = field(default_factory=dict)


def cheapest_kinds(costs: Costs, lost: Losses, tolerance: float | None, budget: Budget, float_io: bool = False) -> Kinds | None:
    """The cheapest kinds and widths whose predicted error is at most `tolerance`, None where there are none within the budget.
    Without a tolerance those of least error. float_io: as for assemble."""
    c = _Choice(costs, lost, budget, float_io)
    if tolerance is None:
        return c.kinds(c.errors)
    c.made.row({at: e / max(tolerance, 1e-12) for at, e in c.errors.items()}, most=1.0)
    best = c.kinds(c.prices)
    if best is None:
        return None
    # of equal work the least error
    most = max(*c.prices.values(), 1.0)
    c.made.row({at: v / most for at, v in c.prices.items()}, most=best.price / most * SAME)
    return c.kinds(c.errors) or best


class _Choice:
    """The programme. k: operator and kind; w: layer and bits of its weights, which are of the first kind; z: group and bits in which its
    values exist."""

    def __init__(self, costs: Costs, lost: Losses, budget: Budget, float_io: bool):
        p = costs.prepared
        self.p, self.made = p, Programme()
        self.nodes = [n for n in p.graph.nodes if n.index in p.quantised]
        groups = list(dict.fromkeys(p.tied.values()))
        offered = [*lost.activations, *((g, FLOAT) for g in groups)]
        self.k = {(n.index, kind): self._kind(n, kind) for n in self.nodes for kind in KINDS}
        self.w = {key: self.made.variable(("w", *key)) for key in sorted(lost.weights)}
        self.ends = set() if float_io else {p.tied[t] for t in (*p.graph.inputs, *p.graph.outputs) if t in p.tied}
        self.z = {
            (g, b): self.made.variable(("z", g, b), 1.0 if g in self.ends and b == EIGHT else 0.0, integral=b < EIGHT)
            for g, b in sorted(offered)
        }  # fmt: skip
        self.prices = {at: PRICE[kind] * _work(p, n) for n in self.nodes for kind in KINDS for at in (self.k[n.index, kind],)}
        self.errors = {self.z[key]: e for key, e in lost.activations.items()}
        self.errors.update((self.w[key], e) for key, e in lost.weights.items())
        for n in self.nodes:  # an int16 layer has int8 weights too
            if (n.index, EIGHT) in lost.weights:
                self.errors[self.k[n.index, SIXTEEN]] = lost.weights[n.index, EIGHT]
        self._structure()
        self._budget(costs, budget)

    def _kind(self, n: Node, kind: int) -> int:
        can = kind != SIXTEEN or "int16" in load_ops()[n.op].dtypes
        return self.made.variable(("k", n.index, kind), most=1.0 if can else 0.0)

    def _bits(self, g: int) -> list[int]:
        """Variables of a group's forms of at most 8 bits."""
        return [at for (h, b), at in self.z.items() if h == g and b <= EIGHT]

    def _structure(self) -> None:
        p, row, touching = self.p, self.made.row, dict[int, list[int]]()
        for n in self.nodes:
            eight, sixteen, floats = (self.k[n.index, kind] for kind in KINDS)
            row({eight: 1.0, sixteen: 1.0, floats: 1.0}, 1.0, 1.0)
            mine = {at: 1.0 for (i, _), at in self.w.items() if i == n.index}
            if mine:
                row({**mine, eight: -1.0}, 0.0, 0.0)
            for g in sorted({p.tied[t] for t in (*n.inputs, *n.outputs) if t in p.tied}):
                touching.setdefault(g, []).append(n.index)
                # a group has the error of its coarsest neighbour and the bytes of the widest
                low = dict.fromkeys(self._bits(g), 1.0)
                row({**low, eight: -1.0}, 0.0)
                row({self.z[g, SIXTEEN]: 1.0, **low, sixteen: -1.0}, 0.0)
                row({self.z[g, FLOAT]: 1.0, floats: -1.0}, 0.0)
                for at in low:
                    if at != self.z[g, EIGHT]:
                        row({at: 1.0, eight: -1.0}, most=0.0)
        for g in {g: None for g, _ in self.z}:
            row(dict.fromkeys(self._bits(g), 1.0), most=1.0)
            if g not in self.ends:  # nothing has 8 bits but for an operator that wants them
                row({**dict.fromkeys(self._bits(g), 1.0), **{self.k[i, EIGHT]: -1.0 for i in touching[g]}}, most=0.0)

    def _budget(self, costs: Costs, budget: Budget) -> None:
        p, made = self.p, self.made
        layers = {layer.index: layer for layer in costs.layers}
        if budget.weight_bytes is not None:
            sizes: dict[int, float] = {at: layers[i].bytes(b) for (i, b), at in self.w.items()}
            for i, layer in layers.items():
                sizes.update({self.k[i, SIXTEEN]: layer.bytes(EIGHT), self.k[i, FLOAT]: layer.bytes(FLOAT)})
            made.within(sizes, budget.weight_bytes, budget.weight_bytes)
        if budget.peak_bytes is not None:
            for k in range(len(p.graph.nodes)):
                alive, rest = self._alive(k)
                made.within(alive, budget.peak_bytes - rest, budget.peak_bytes)
        if budget.bitops is not None:
            rest = costs.bitops(EVERYWHERE) - sum(64 * layer.macs for layer in layers.values())
            made.within(self._bitops(costs), budget.bitops - rest, budget.bitops)
        if budget.instructions is not None and costs.speed is not None:
            more = narrow_instructions(made, costs.speed, self.w, {key: at for key, at in self.z.items() if key[1] <= EIGHT})
            more.update((self.k[key], n) for key, n in costs.speed.kinds.items() if key in self.k)
            made.within(more, budget.instructions - costs.speed.base, budget.instructions)

    def _bitops(self, costs: Costs) -> dict[int, float]:
        out: dict[int, float] = {}
        for layer in costs.layers:
            out.update({self.k[layer.index, SIXTEEN]: 128.0 * layer.macs, self.k[layer.index, FLOAT]: float(FLOAT**2 * layer.macs)})
            forms = [] if layer.group is None else [(b, at) for (g, b), at in self.z.items() if g == layer.group and b <= EIGHT]
            for (i, w), at in self.w.items():
                if i == layer.index and not forms:
                    out[at] = float(layer.macs * w * EIGHT)
                for a, form in forms if i == layer.index else ():  # a product of two choices: at least their sum minus one
                    both = self.made.variable(("both", i, w, a), integral=False)
                    self.made.row({both: 1.0, at: -1.0, form: -1.0}, -1.0)
                    out[both] = float(layer.macs * w * a)
        return out

    def _alive(self, k: int) -> tuple[dict[int, float], int]:
        """Bytes of what operator k finds or makes, by the forms of the groups: of one that is wanted in several, each. And of the rest."""
        p, out, rest = self.p, dict[int, float](), 0
        graph = p.graph
        last = {t: max((*graph.consumers.get(t, ()), len(graph.nodes) if t in graph.outputs else -1)) for t in graph.tensors}
        for t in (*graph.inputs, *(y for n in graph.nodes for y in n.outputs)):
            if graph.producer.get(t, -1) <= k <= last[t] and not is_view(graph, t):
                tensor = graph.tensors[t]
                if t not in p.tied:
                    rest += tensor.elements * tensor.dtype.bytes
                for (g, bits), at in self.z.items():
                    if g == p.tied.get(t):
                        out[at] = out.get(at, 0.0) + packed_bytes((extent(tensor),), bits)
        return out, rest

    def kinds(self, goal: Mapping[int, float]) -> Kinds | None:
        most = max(*goal.values(), 1e-12)
        x = self.made.solve({at: value / most for at, value in goal.items()})
        if x is None:
            return None
        chosen = {n.index: next(kind for kind in KINDS if x[self.k[n.index, kind]] > 0.5) for n in self.nodes}
        wide, floats = (frozenset(i for i, kind in chosen.items() if kind == wanted) for wanted in (SIXTEEN, FLOAT))
        error, price = (float(sum(x[at] * v for at, v in figures.items())) for figures in (self.errors, self.prices))
        weights = {i: b for (i, b), at in self.w.items() if b < EIGHT and x[at] > 0.5}
        return Kinds(wide, floats, error, price, weights, {g: b for (g, b), at in self.z.items() if b < EIGHT and x[at] > 0.5})


def _work(p: Prepared, n: Node) -> float:
    view = p.graph.view(n)
    return float(max(load_ops()[n.op].macs(view), view.y.elements))
