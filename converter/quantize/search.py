"""Which width for which tensor: an integer programme, solved exactly.

One binary variable per layer and width, one per group of activations and width; the sum of the measured errors is least, and
bytes of weights, bytes alive at every step and bit operations stay within their budgets. A bit operation count is a product of two choices; a
further variable per pair, at least their sum minus one, makes it linear. HiGHS, through scipy, proves the optimum in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tinyml.errors import UsageError
from tinyml.quantize.costs import Costs, packed_bytes
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
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import lil_matrix
    except ImportError:
        raise UsageError("scipy", "is not installed, and the search for widths needs it", "run: pip install 'tinyml[search]'") from None
    w_at = {key: k for k, key in enumerate(product((layer.index for layer in costs.layers), sorted({8, *weights})))}
    a_at = {(g, b): len(w_at) + k for k, (g, b) in enumerate((g, b) for g in costs.groups for b in sorted({8, *activations.get(g, ())}))}
    pairs = [(layer, w, a) for layer in costs.layers for (i, w) in w_at if i == layer.index for (g, a) in a_at if g == layer.group]
    p_at = {(layer.index, w, a): len(w_at) + len(a_at) + k for k, (layer, w, a) in enumerate(pairs)}
    once = costs.speed.once if costs.speed is not None and budget.instructions is not None else ()
    over = len(w_at) + len(a_at) + len(p_at)  # by which share the budgets may be exceeded
    once_at = dict(zip(range(over + 1, over + 1 + len(once)), once, strict=True))
    goal = np.zeros(over + 1 + len(once))
    for (index, bits), at in w_at.items():
        goal[at] = errors.of_weights(index, bits) + NARROW_PRICE * (8 - bits)
    for (group, bits), at in a_at.items():
        goal[at] = errors.of_activations(group, bits) + NARROW_PRICE * (8 - bits)
    goal *= (1e-6 if nearest else 1.0) / max(float(goal.max()), 1e-12)
    goal[over] = 1.0

    rows: list[tuple[dict[int, float], float, float]] = []  # coefficients, least, most

    def within(coefficients: Mapping[int, float], most: float, of: float) -> None:
        """At most `most`, of a budget of `of`; in units that keep the solver's tolerances meaningful."""
        of = max(1.0, of)
        unit = max(1.0, of / 1000)
        scaled = {at: value / unit for at, value in coefficients.items()}
        rows.append(({**scaled, over: -of / unit} if nearest else scaled, -np.inf, most / unit))

    for index in {i: None for i, _ in w_at}:
        rows.append(({at: 1.0 for (i, _), at in w_at.items() if i == index}, 1.0, 1.0))
    for group in costs.groups:
        rows.append(({at: 1.0 for (g, _), at in a_at.items() if g == group}, 1.0, 1.0))
    if budget.weight_bytes is not None:
        sizes = {layer.index: layer for layer in costs.layers}
        within({at: sizes[i].bytes(b) for (i, b), at in w_at.items()}, budget.weight_bytes, budget.weight_bytes)
    if budget.peak_bytes is not None:
        for live, rest in costs.steps:
            bytes_ = {a_at[g, b]: packed_bytes(t, b) for g, t in live.items() for (h, b) in a_at if h == g}
            within(bytes_, budget.peak_bytes - rest, budget.peak_bytes)
    if budget.bitops is not None:
        bits: dict[int, float] = {p_at[layer.index, w, a]: layer.macs * w * a for layer, w, a in pairs}
        for layer in costs.layers:
            if layer.group is None:
                bits.update((at, layer.macs * b * 8) for (i, b), at in w_at.items() if i == layer.index)
        islands = costs.bitops(EIGHT) - sum(64 * layer.macs for layer in costs.layers)
        within(bits, budget.bitops - islands, budget.bitops)
        for layer, w, a in pairs:
            rows.append(({p_at[layer.index, w, a]: 1.0, w_at[layer.index, w]: -1.0, a_at[layer.group, a]: -1.0}, -1.0, np.inf))  # type: ignore[index]
    if budget.instructions is not None and costs.speed is not None:
        more = {at: costs.speed.weights.get(key, 0.0) for key, at in w_at.items()}
        more.update((at, costs.speed.activations.get(key, 0.0)) for key, at in a_at.items())
        more.update((at, n) for at, (_, n) in once_at.items())
        for at, (groups, _) in once_at.items():
            for g in groups:
                narrow = {a: -1.0 for (h, b), a in a_at.items() if h == g and b < 8}
                rows.append(({at: 1.0, **narrow}, 0.0, np.inf))
        within(more, budget.instructions - costs.speed.base, budget.instructions)
    matrix = lil_matrix((len(rows), len(goal)))
    for k, (coefficients, _, _) in enumerate(rows):
        for at, value in coefficients.items():
            matrix[k, at] = value
    integral = np.concatenate([np.ones(len(w_at) + len(a_at)), np.zeros(len(p_at) + 1 + len(once))])
    limits = LinearConstraint(matrix.tocsr(), [r[1] for r in rows], [r[2] for r in rows])
    most = np.ones(len(goal))
    most[over] = np.inf
    done = milp(goal, constraints=limits, integrality=integral, bounds=Bounds(0, most), options={"mip_rel_gap": 0.0})
    if done.x is None:
        return None
    chosen = Widths({i: b for (i, b), at in w_at.items() if done.x[at] > 0.5}, {g: b for (g, b), at in a_at.items() if done.x[at] > 0.5})
    return chosen, predicted(errors, chosen)


def predicted(errors: Sensitivity, w: Widths) -> float:
    """The error that the measured ones add up to."""
    return sum(errors.of_weights(i, b) for i, b in w.weights.items()) + sum(errors.of_activations(g, b) for g, b in w.activations.items())
