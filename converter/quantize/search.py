"""Which width for which tensor: an integer programme, solved exactly.

One binary variable per layer and width, one per group of activations and width; the sum of the measured errors is least, and
bytes of weights, bytes alive at every step and bit operations stay within their budgets. A bit operation count is a product of two choices; a
further variable per pair, at least their sum minus one, makes it linear. The solver proves the optimum in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.quantize.costs import Costs, Speed, packed_bytes
from tinyml.quantize.programme import Programme
from tinyml.quantize.quantise import EIGHT, Widths
from tinyml.quantize.sensitivity import Sensitivity

NARROW_PRICE = 1e-9  # of error, per width below 8: nothing is made narrow for nothing


@dataclass(frozen=True)
class Budget:
    """Most of each; None for any amount. peak_bytes: of activations alive together, layer by layer. instructions: as
    `Costs.speed` estimates them."""

    weight_bytes: int | None = None
    peak_bytes: int | None = None
    bitops: int | None = None
    instructions: int | None = None


def solve(
    costs: Costs,
    errors: Sensitivity,
    weights: Sequence[int],
    activations: Mapping[int, Sequence[int]],
    budget: Budget,
    nearest: bool = False,
) -> tuple[Widths, float] | None:
    """The widths of least predicted error within the budget, and that error; None where nothing fits. weights: the widths on offer for
    every layer; activations: for each group. 8 is always on offer. nearest: those that exceed all budgets by the least share instead."""
    made, layers = Programme(), costs.layers
    w_at = {(n.index, b): made.variable(("w", n.index, b)) for n in layers for b in sorted({8, *weights})}
    a_at = {(g, b): made.variable(("a", g, b)) for g in costs.groups for b in sorted({8, *activations.get(g, ())})}
    pairs = [(layer, w, a) for layer in layers for (i, w) in w_at if i == layer.index for (g, a) in a_at if g == layer.group]
    p_at = {(layer.index, w, a): made.variable(("p", layer.index, w, a), integral=False) for layer, w, a in pairs}
    over = made.variable("over", most=np.inf, integral=False)  # by which share the budgets may be exceeded
    exceeded = over if nearest else None
    goal: dict[int, float] = {}
    for (index, bits), at in w_at.items():
        goal[at] = errors.of_weights(index, bits) + NARROW_PRICE * (8 - bits)
    for (group, bits), at in a_at.items():
        goal[at] = errors.of_activations(group, bits) + NARROW_PRICE * (8 - bits)
    scale = (1e-6 if nearest else 1.0) / max(*goal.values(), 1e-12)
    goal = {**{at: value * scale for at, value in goal.items()}, over: 1.0}
    for index in {i: None for i, _ in w_at}:
        made.row({at: 1.0 for (i, _), at in w_at.items() if i == index}, 1.0, 1.0)
    for group in costs.groups:
        made.row({at: 1.0 for (g, _), at in a_at.items() if g == group}, 1.0, 1.0)
    if budget.weight_bytes is not None:
        sizes = {layer.index: layer for layer in layers}
        made.within({at: sizes[i].bytes(b) for (i, b), at in w_at.items()}, budget.weight_bytes, budget.weight_bytes, exceeded)
    if budget.peak_bytes is not None:
        for live, rest in costs.steps:
            bytes_ = {a_at[g, b]: packed_bytes(t, b) for g, t in live.items() for (h, b) in a_at if h == g}
            made.within(bytes_, budget.peak_bytes - rest, budget.peak_bytes, exceeded)
    if budget.bitops is not None:
        bits: dict[int, float] = {p_at[layer.index, w, a]: layer.macs * w * a for layer, w, a in pairs}
        for layer in layers:
            if layer.group is None:
                bits.update((at, layer.macs * b * 8) for (i, b), at in w_at.items() if i == layer.index)
        islands = costs.bitops(EIGHT) - sum(64 * layer.macs for layer in layers)
        made.within(bits, budget.bitops - islands, budget.bitops, exceeded)
        for layer, w, a in pairs:
            made.row({p_at[layer.index, w, a]: 1.0, w_at[layer.index, w]: -1.0, a_at[layer.group, a]: -1.0}, -1.0)  # type: ignore[index]
    if budget.instructions is not None and costs.speed is not None:
        more = narrow_instructions(made, costs.speed, w_at, a_at)
        made.within(more, budget.instructions - costs.speed.base, budget.instructions, exceeded)
    x = made.solve(goal)
    if x is None:
        return None
    chosen = Widths({i: b for (i, b), at in w_at.items() if x[at] > 0.5}, {g: b for (g, b), at in a_at.items() if x[at] > 0.5})
    return chosen, predicted(errors, chosen)


def narrow_instructions(
    made: Programme, speed: Speed, w_at: Mapping[tuple[int, int], int], a_at: Mapping[tuple[int, int], int]
) -> dict[int, float]:
    """What widths add to the instructions at 8 bits, by variable: with one more for each operator that leaves its kernel for 8 bits as
    soon as one of several groups is narrow."""
    more = {at: speed.weights.get(key, 0.0) for key, at in w_at.items()}
    more.update((at, speed.activations.get(key, 0.0)) for key, at in a_at.items())
    for k, (groups, n) in enumerate(speed.once):
        left = made.variable(("once", k), integral=False)
        more[left] = n
        for g in sorted(groups):
            made.row({left: 1.0, **{a: -1.0 for (h, b), a in a_at.items() if h == g and b < 8}}, 0.0)
    return more


def predicted(errors: Sensitivity, w: Widths) -> float:
    """The error that the measured ones add up to."""
    return sum(errors.of_weights(i, b) for i, b in w.weights.items()) + sum(errors.of_activations(g, b) for g, b in w.activations.items())
